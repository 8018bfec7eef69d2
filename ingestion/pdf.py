"""The words of a PDF with their places and fonts. The only module that imports pypdfium2.

PDF holds glyphs at coordinates, and nothing of headings, paragraphs or tables: those are told
from the layout, in `pdf_layout` and `pdf_blocks`.
"""

import ctypes
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from ingestion.decoding import normalised
from ingestion.elements import ParsedDocument
from ingestion.errors import ParseError
from ingestion.pdf_blocks import elements_of, title_of
from ingestion.pdf_layout import Page, Word, lines_of

_WORD_GAP = 0.2
"""Of the font size: glyphs further apart belong to different words."""
_FIXED_PITCH = 1
_BOLD_WEIGHT = 600
_MONOSPACE_NAMES = ("mono", "courier", "consol", "menlo", "typewriter", "cmtt")
_BOLD_NAMES = ("bold", "black", "heavy", "-medi", "cmbx")


@dataclass(frozen=True, slots=True)
class _Font:
    size: float
    """Points, as seen on the page."""
    bold: bool
    mono: bool
    turn: int
    """Degrees counter-clockwise in which the text runs, in steps of 90."""


def parse(path: Path) -> ParsedDocument:
    """Raises ParseError `encrypted`, `damaged`, `scanned`."""
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise _open_error(error.err_code) from error
    with document:
        pages = [_page(document, number) for number in range(len(document))]
        if not any(page.words for page in pages):
            raise _no_text_error(document)
        title = normalised(document.get_metadata_dict().get("Title", ""))
    elements = tuple(elements_of(lines_of(pages)))
    return ParsedDocument(title_of(elements, title), elements)


def _open_error(code: int | None) -> ParseError:
    if code == pdfium.FPDF_ERR_PASSWORD:
        return ParseError("encrypted", "The PDF has a password. Upload a copy without one.")
    return ParseError("damaged", "The PDF is damaged or cut off. Export it again and upload that.")


def _no_text_error(document: pypdfium2.PdfDocument) -> ParseError:
    count = len(document)
    pages = f"{count} scanned page{'s' * (count != 1)}"
    if any(_has_picture(document[number]) for number in range(count)):
        advice = "Upload a PDF with text (run OCR first)."
        return ParseError("scanned", f"No text in it: {pages}. {advice}")
    return ParseError("no-text", "No text in it: its pages are empty or hold drawings only.")


def _has_picture(page: pypdfium2.PdfPage) -> bool:
    return next(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]), None) is not None


def _page(document: pypdfium2.PdfDocument, number: int) -> Page:
    try:
        page = document[number]
    except pypdfium2.PdfiumError as error:
        raise _open_error(None) from error
    width, height = page.get_size()
    if page.get_rotation() % 180:  # the size is as shown, the places are as in the file
        width, height = height, width
    words = tuple(_upright(list(_words(page)), width, height))
    page.close()
    return Page(number + 1, max([height, *(word.y1 for word in words)]), words)


def _words(page: pypdfium2.PdfPage) -> Iterator[tuple[int, Word]]:
    """Runs of glyphs without a gap and the turn in which they run, in the file's order."""
    text = page.get_textpage()
    fonts: dict[int, _Font] = {}
    box = pdfium.FS_RECTF()
    word: Word | None = None
    turn = 0
    for index in range(text.count_chars()):
        char = _character(text, index)
        if not char.strip():
            if word:
                yield turn, word
            word = None
            continue
        pdfium.FPDFText_GetLooseCharBox(text, index, box)
        font = _font_of(text, index, fonts)
        glyph = Word(
            char, box.left, box.right, box.bottom, box.top, font.size, font.bold, font.mono
        )
        if word and turn == font.turn and _adjoin(word, glyph, turn):
            word = word.with_next(glyph)
        else:
            if word:
                yield turn, word
            word, turn = glyph, font.turn
    if word:
        yield turn, word
    text.close()


def _character(text: pypdfium2.PdfTextPage, index: int) -> str:
    code = pdfium.FPDFText_GetUnicode(text, index)
    if code == 2 or pdfium.FPDFText_IsHyphen(text, index) == 1:
        return "-"
    return normalised(chr(code)) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""


def _font_of(text: pypdfium2.PdfTextPage, index: int, known: dict[int, _Font]) -> _Font:
    """Of a glyph, looked up once for each piece of text that the file draws."""
    drawn = pdfium.FPDFText_GetTextObject(text, index)
    key = ctypes.addressof(drawn.contents) if drawn else 0
    if key not in known:
        matrix = pdfium.FS_MATRIX(1, 0, 0, 1, 0, 0)
        if drawn:
            pdfium.FPDFPageObj_GetMatrix(drawn, matrix)
        name = ctypes.create_string_buffer(256)
        flags = ctypes.c_int()
        pdfium.FPDFText_GetFontInfo(text, index, name, 256, flags)
        called = name.value.decode("utf-8", "replace").lower()
        weight = pdfium.FPDFText_GetFontWeight(text, index)
        known[key] = _Font(
            size=pdfium.FPDFText_GetFontSize(text, index) * math.hypot(matrix.b, matrix.d),
            bold=weight >= _BOLD_WEIGHT or any(part in called for part in _BOLD_NAMES),
            mono=bool(flags.value & _FIXED_PITCH)
            or any(part in called for part in _MONOSPACE_NAMES),
            turn=round(math.degrees(math.atan2(matrix.b, matrix.a)) / 90) * 90 % 360,
        )
    return known[key]


def _adjoin(word: Word, glyph: Word, turn: int) -> bool:
    reach = max(_WORD_GAP * glyph.size, 1.0)
    if turn % 180:
        return abs(word.x0 - glyph.x0) < reach
    is_same_line = abs(word.middle - glyph.middle) < 0.5 * max(word.size, glyph.size)
    return is_same_line and -2 * reach < glyph.x0 - word.x1 < reach and word.mono == glyph.mono


def _upright(words: list[tuple[int, Word]], width: float, height: float) -> Iterator[Word]:
    """The words that run as most on the page do, turned to run from left to right. The few
    others, such as a stamp up the margin, are left out. Width and height are of the file."""
    turns = Counter(turn for turn, _ in words)
    usual = turns.most_common(1)[0][0] if turns else 0
    for turn, word in words:
        x0, x1, y0, y1 = word.x0, word.x1, word.y0, word.y1
        if turn != usual:
            continue
        if turn == 90:
            yield word.moved(y0, y1, width - x1, width - x0)
        elif turn == 180:
            yield word.moved(width - x1, width - x0, height - y1, height - y0)
        elif turn == 270:
            yield word.moved(height - y1, height - y0, x0, x1)
        else:
            yield word
