"""Word files made ready for the partitioner, which forgets fonts and so cannot see code.

Each paragraph of code gets a mark in front of its text; `code_line` tells and undoes it.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from docx import Document
from docx.document import Document as WordDocument
from docx.opc.exceptions import PackageNotFoundError
from docx.text.paragraph import Paragraph
from lxml import etree

from ingestion import archives
from ingestion.errors import ParseError

_CODE = "\ue0f3"
_SPACE = "\ue0f1"
_CODE_STYLES = ("code", "source", "preformatted", "verbatim", "listing", "terminal", "console")
_MONOSPACE = ("mono", "courier", "consolas", "menlo", "code", "terminal", "fixed", "typewriter")


@dataclass(frozen=True, slots=True)
class PreparedWord:
    title: str
    """Of the file's properties, perhaps empty."""
    file: io.BytesIO


def prepare(path: Path, limits: archives.ZipLimits) -> PreparedWord:
    """Raises ParseError `bomb`, `encrypted`, `damaged`."""
    with path.open("rb") as file:
        if file.read(8) == bytes.fromhex("d0cf11e0a1b11ae1"):
            raise ParseError(
                "encrypted",
                "The file has a password, or is in the old .doc format. Save it as .docx without"
                " a password and upload that.",
            )
    try:
        with zipfile.ZipFile(path) as package:
            archives.check(package, limits)
        document = Document(str(path))
    except (
        zipfile.BadZipFile,
        PackageNotFoundError,
        etree.XMLSyntaxError,
        KeyError,
        ValueError,
    ) as error:
        raise ParseError(
            "damaged", "The Word file is damaged. Open it in Word, save it again and upload that."
        ) from error
    for paragraph in document.paragraphs:
        if _is_code(paragraph):
            _mark(paragraph)
    marked = io.BytesIO()
    document.save(marked)
    marked.seek(0)
    return PreparedWord(_title(document), marked)


def code_line(text: str) -> str | None:
    """The line of code in a marked text; None for any other text."""
    return text.replace(_CODE, "").replace(_SPACE, " ") if _CODE in text else None


def _title(document: WordDocument) -> str:
    title = document.core_properties.title.strip()
    return "" if title.lower() in ("word document", "document", "untitled") else title


def _is_code(paragraph: Paragraph) -> bool:
    style = (paragraph.style.name or "").lower() if paragraph.style is not None else ""
    if any(word in style.split() or style.startswith(word) for word in _CODE_STYLES):
        return True
    runs = [run for run in paragraph.runs if run.text.strip()]
    style_font = paragraph.style.font.name if paragraph.style is not None else None
    fonts = [run.font.name or style_font for run in runs]
    return bool(runs) and all(_is_monospace(font) for font in fonts)


def _is_monospace(font: str | None) -> bool:
    return font is not None and any(word in font.lower() for word in _MONOSPACE)


def _mark(paragraph: Paragraph) -> None:
    text = paragraph.text.replace("\t", "    ")
    paragraph.text = _CODE + text.replace(" ", _SPACE)
