"""Word files made ready for the partitioner, which forgets fonts and what heads a table, and sees
nothing of tracked changes, fields and content controls.

Code, bold lines that serve as headings, and header cells get a mark in front of their text.
`elements_of` and `with_headers` tell them afterwards.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from docx import Document
from docx.document import Document as WordDocument
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.document import CT_Body
from docx.oxml.ns import qn
from docx.table import Table, _Row
from docx.text.paragraph import Paragraph
from lxml import etree

from ingestion import archives, tables
from ingestion.elements import Element, ElementKind
from ingestion.errors import ParseError
from ingestion.marks import CODE, HEADER, HEADING, SPACE

_BOLD_LINE_LEVEL = 6
"""Below every heading that has a style."""
_ORDINARY_STYLES = ("Normal", "Body Text", "Standard")
_CODE_STYLES = ("code", "source", "preformatted", "verbatim", "listing", "terminal", "console")
_MONOSPACE = ("mono", "courier", "consolas", "menlo", "code", "terminal", "fixed", "typewriter")
_DELETED = tuple(map(qn, ("w:del", "w:moveFrom")))
_WRAPPERS = tuple(map(qn, (
    "w:ins", "w:moveTo", "w:smartTag", "w:customXml", "w:fldSimple", "w:sdt", "w:sdtContent",
)))  # fmt: skip
_UNWRITTEN = (
    ".//w:sdt[w:sdtPr/w:showingPlcHdr"
    " or contains(w:sdtPr/w:docPartObj/w:docPartGallery/@w:val, 'Table of Contents')]"
)


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
    _lay_bare(document.element.body)
    for paragraph in document.paragraphs:
        if _is_code(paragraph):
            _mark_code(paragraph)
        elif _is_bold_line(paragraph):
            paragraph.runs[0].text = HEADING + paragraph.runs[0].text
    for table in document.tables:
        if _has_header(table):
            _mark_header(table)
    marked = io.BytesIO()
    document.save(marked)
    marked.seek(0)
    return PreparedWord(_title(document), marked)


def _lay_bare(body: CT_Body) -> None:
    """Takes what is written out of tracked changes, fields and content controls: as it stands with
    all changes accepted, and without tables of contents and prompts to enter something."""
    for control in body.xpath(_UNWRITTEN):
        etree.strip_elements(control, qn("w:r"))
    etree.strip_elements(body, *_DELETED, with_tail=False)
    etree.strip_tags(body, *_WRAPPERS)


def elements_of(elements: Iterable[Element]) -> Iterator[Element]:
    """The elements of a prepared file, with marked ones made what they are."""
    lines: list[str] = []
    for element in elements:
        if CODE in element.text:
            lines.append(element.text.replace(CODE, "").replace(SPACE, " "))
            continue
        if lines:
            yield Element(ElementKind.CODE, "\n".join(lines))
            lines = []
        yield _unmarked(element)
    if lines:
        yield Element(ElementKind.CODE, "\n".join(lines))


def with_headers(grid: tables.Grid) -> tables.Grid:
    """The grid with marked cells as headers; a cell over several places stays one cell."""
    cells = {id(cell): _with_header(cell) for row in grid for cell in row}
    return [[cells[id(cell)] for cell in row] for row in grid]


def _with_header(cell: tables.Cell) -> tables.Cell:
    return tables.Cell(_without_marks(cell.text), cell.is_header or HEADER in cell.text)


def _without_marks(text: str) -> str:
    return " ".join(text.replace(HEADER, "").replace(HEADING, "").split())


def _unmarked(element: Element) -> Element:
    text = _without_marks(element.text)
    if HEADING in element.text:
        return Element(ElementKind.HEADING, text, level=_BOLD_LINE_LEVEL)
    return replace(element, text=text)


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


def _mark_code(paragraph: Paragraph) -> None:
    text = paragraph.text.replace("\t", "    ")
    paragraph.text = CODE + text.replace(" ", SPACE)


def _is_bold_line(paragraph: Paragraph) -> bool:
    """A short line in bold, in the style of ordinary text: a heading by hand."""
    text = paragraph.text.strip()
    style = paragraph.style.name if paragraph.style is not None else "Normal"
    if style not in _ORDINARY_STYLES or not 2 < len(text) <= 80 or text[-1] in ".,;:!?":
        return False
    runs = [run for run in paragraph.runs if run.text.strip()]
    return bool(runs) and paragraph.runs[0] is not None and all(run.bold for run in runs)


def _has_header(table: Table) -> bool:
    """The first row is marked to repeat on each page, or is the only one in bold."""
    if len(table.rows) < 2:
        return False
    if table.rows[0]._tr.xpath("./w:trPr/w:tblHeader"):  # noqa: SLF001
        return True
    return _is_bold(table.rows[0]) and not _is_bold(table.rows[1])


def _is_bold(row: _Row) -> bool:
    runs = [run for cell in row.cells for line in cell.paragraphs for run in line.runs]
    return any(run.text.strip() for run in runs) and all(
        run.bold for run in runs if run.text.strip()
    )


def _mark_header(table: Table) -> None:
    for cell in table.rows[0].cells:
        paragraph = cell.paragraphs[0]
        if HEADER not in paragraph.text:  # a cell over two columns is met twice
            paragraph.insert_paragraph_before(HEADER)
