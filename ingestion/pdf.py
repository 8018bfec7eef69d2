"""PDF to elements with their pages, by pypdfium2."""

from pathlib import Path

import pypdfium2

from ingestion.elements import Element, ElementKind, ParsedDocument
from ingestion.errors import ParseError


def parse(path: Path) -> ParsedDocument:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise ParseError("damaged", "The PDF is damaged. Export it again.") from error
    elements = []
    for number in range(len(document)):
        text = document[number].get_textpage().get_text_range()
        for block in text.split("\r\n\r\n"):
            if block.strip():
                elements.append(
                    Element(ElementKind.PROSE, " ".join(block.split()), page=number + 1)
                )
    return ParsedDocument("", tuple(elements))
