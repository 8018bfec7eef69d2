"""A file becomes a title and plain elements. The only module that imports unstructured.

Markdown, reStructuredText and plain text become HTML first, so that one path reads them all.
Importing this takes seconds, and its input is untrusted: only the sandbox's process does it,
and sets the environment that keeps unstructured offline.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lxml import html as lxml_html
from spacy.lang.en import English
from unstructured.documents import elements as found
from unstructured.nlp import tokenize
from unstructured.partition.docx import partition_docx
from unstructured.partition.html import partition_html

from ingestion import html, markdown, pdf, plain_text, rst, sniffing, tables, word
from ingestion.archives import ZipLimits
from ingestion.decoding import decode
from ingestion.elements import Element, ElementKind, ParsedDocument
from ingestion.errors import ParseError


def _light_model() -> English:
    model = English()
    model.add_pipe("sentencizer")
    return model


# unstructured asks a language model whether each text is a narrative. The answer is not used here,
# the model was 87 % of the time of a large page, and it would be fetched from the internet.
tokenize._load_spacy_model = _light_model  # noqa: SLF001

_NOT_DETECTED = [""]
"""The language of each text, which nothing here asks for."""
_NO_TEXT = (
    "No text in it. Check that the right file was uploaded, and that it is not only pictures."
)


def parse(path: Path, media_type: str, zip_limits: ZipLimits | None = None) -> ParsedDocument:
    """The title of a file, perhaps empty, and its blocks in reading order.

    Raises ParseError with a reason for its writer.
    """
    if path.stat().st_size == 0:
        raise ParseError("empty", "The file is empty. Save it again and upload that.")
    if media_type == sniffing.PDF:
        document = pdf.parse(path)
    elif media_type == sniffing.WORD:
        document = _parse_word(path, zip_limits or ZipLimits())
    else:
        document = _parse_text(decode(path.read_bytes()), media_type)
    if not document.elements:
        raise ParseError("no-text", _NO_TEXT)
    title = document.title or _first_heading(document.elements)
    return ParsedDocument(title[:300], document.elements)


def warm_up() -> None:
    """Imports and caches what the first file of each kind would."""
    _parse_text("# A\n\nText.\n\n| A | B |\n|---|---|\n| 1 | 2 |\n", sniffing.MARKDOWN)
    _parse_text("A\n=\n\n.. note:: ``B``\n\n.. list-table::\n\n   * - C\n", sniffing.RST)
    _parse_text("A\n\nText.\n\n- Item\n", sniffing.TEXT)


def _parse_text(text: str, media_type: str) -> ParsedDocument:
    title = ""
    match media_type:
        case sniffing.MARKDOWN:
            title, text = markdown.to_html(text)
        case sniffing.RST:
            text = rst.to_html(text)
        case sniffing.TEXT:
            text = plain_text.to_html(text)
    prepared = html.prepare(text)
    blocks = (
        partition_html(text=prepared.markup, languages=_NOT_DETECTED) if prepared.markup else []
    )
    elements = tuple(_elements(blocks, prepared.languages))
    if media_type == sniffing.HTML:
        title = _first_heading(elements, level=1) or prepared.title
    return ParsedDocument(title, elements)


def _parse_word(path: Path, limits: ZipLimits) -> ParsedDocument:
    prepared = word.prepare(path, limits)
    blocks = [
        block
        for block in partition_docx(
            file=prepared.file, include_page_breaks=False, languages=_NOT_DETECTED
        )
        if not isinstance(block, found.Header | found.Footer)
    ]
    return ParsedDocument(prepared.title, tuple(word.elements_of(_elements(blocks, (), 1))))


def _elements(
    blocks: Iterable[found.Element], languages: Iterable[str], outermost: int = 0
) -> Iterator[Element]:
    """`outermost` is added to the depth of list items, which Word files count from 0."""
    language = iter(languages)
    table = 0
    for block in blocks:
        depth = block.metadata.category_depth or 0
        text = html.restored(block.text)
        match block:
            case found.Table():
                table += 1
                yield from _rows(block, table)
            case found.CodeSnippet():
                code = html.restored_code(block.text)
                yield Element(ElementKind.CODE, code, language=next(language, ""))
            case _ if not text:
                continue
            case found.Title():
                heading = " ".join(text.split())
                yield Element(ElementKind.HEADING, heading, level=min(depth + 1, 6))
            case found.ListItem():
                yield Element(ElementKind.LIST_ITEM, text, level=max(depth + outermost, 1))
            case _:
                for paragraph in re.split(r"\n{2,}", text):  # parted by two line breaks
                    yield Element(ElementKind.PROSE, paragraph)


def _rows(block: found.Element, table: int) -> Iterator[Element]:
    markup = block.metadata.text_as_html
    if not markup:
        yield Element(ElementKind.PROSE, html.restored(block.text))
        return
    grid = tables.grid_of(lxml_html.fragment_fromstring(markup))
    for row in tables.row_texts(word.with_headers(grid)):
        yield Element(ElementKind.TABLE_ROW, " ".join(html.restored(row).split()), table=table)


def _first_heading(elements: Iterable[Element], level: int = 6) -> str:
    for element in elements:
        if element.kind is ElementKind.HEADING and element.level <= level:
            return element.text
    return ""
