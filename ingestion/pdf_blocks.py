"""Lines of a PDF become headings, paragraphs, list items, table rows and code. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from statistics import median

from ingestion import tables
from ingestion.elements import Element, ElementKind
from ingestion.pdf_layout import HEADING_SIZE, Line, Word

_BULLET = re.compile(r"[•●▪■◦‣·*–—-]\s+|o\s{1,4}(?=[A-Z])")
_NUMBER = re.compile(r"\(?(?:\d{1,3}|[a-z])[.)]\s+(?=\S)")
# A line that sets a name and a value: `Home region: bilbao-1`.
_LABELLED = re.compile(r"[^\W\d_a-z][^:.!?]{0,40}:\s+\S")
_UNTITLED = re.compile(
    r"\(?(?:anonymous|untitled|unspecified)\)?|.*\.(?:docx?|pdf|indd|tex)|microsoft word.*|",
    re.IGNORECASE,
)
_Look = tuple[float, bool]
"""Size and boldness."""


@dataclass(frozen=True, slots=True)
class _Style:
    """What ordinary text looks like, how far its lines are apart, and the looks of headings."""

    body: _Look
    leading: float
    """Points from line to line."""
    headings: tuple[_Look, ...]
    """Largest first."""

    def is_heading(self, line: Word) -> bool:
        if line.mono or not any(letter.isalpha() for letter in line.text):
            return False
        size, is_bold = self.body
        if line.size >= HEADING_SIZE * size:
            return len(line.text) <= 200
        is_set_off = line.bold and not is_bold and line.size >= 0.95 * size
        return is_set_off and len(line.text) <= 100 and line.text[-1] not in ".,;:"

    def level(self, line: Word) -> int:
        look = _look(line)
        return min(self.headings.index(look) + 1, 6) if look in self.headings else 6


def elements_of(lines: Sequence[Line]) -> Iterator[Element]:
    """The blocks of a document's lines, in the same order."""
    style = _style_of(lines)
    words = Counter(word for line in lines for word in line.whole.text.split())
    blocks: list[Element] = []
    for table, group in groupby(lines, lambda line: line.table):
        if table:
            blocks += _table(list(group))
        else:
            blocks += _text(list(group), style, words)
    yield from _joined_over_pages(blocks, words)


def title_of(elements: Iterable[Element], metadata: str) -> str:
    """The first heading of the highest level on the first page, else the file's own title."""
    headings = [e for e in elements if e.kind is ElementKind.HEADING and e.page == 1]
    if headings:
        return min(headings, key=lambda heading: heading.level).text
    return "" if _UNTITLED.fullmatch(metadata) else metadata


def _style_of(lines: Sequence[Line]) -> _Style:
    text = [line.whole for line in lines if not line.table]
    sizes: Counter[_Look] = Counter()
    for line in text or [line.whole for line in lines]:
        sizes[_look(line)] += len(line.text) * (not line.mono) + 1
    body = sizes.most_common(1)[0][0] if sizes else (10.0, False)
    gaps = [
        above.middle - below.middle
        for above, below in pairwise(text)
        if 0 < above.middle - below.middle < 2.5 * body[0] and _look(above) == _look(below) == body
    ]
    style = _Style(body, min(median(gaps), 1.6 * body[0]) if gaps else 1.2 * body[0], ())
    looks = {_look(line) for line in text if style.is_heading(line)}
    return replace(style, headings=tuple(sorted(looks, reverse=True)))


def _look(line: Word) -> _Look:
    return (round(2 * line.size) / 2, line.bold)


def _table(lines: Sequence[Line]) -> Iterator[Element]:
    is_bold = all(cell.bold for cell in lines[0].cells if cell.text)
    is_head = is_bold and not all(cell.bold for line in lines for cell in line.cells)
    grid = [
        [tables.Cell(cell.text, is_header=is_head and number == 0) for cell in line.cells]
        for number, line in enumerate(lines)
    ]
    for row in tables.row_texts(grid):
        yield Element(ElementKind.TABLE_ROW, row, page=lines[0].page, table=lines[0].table)


def _text(lines: Sequence[Line], style: _Style, words: Counter[str]) -> Iterator[Element]:
    block: list[Line] = []
    for line in lines:
        if block and not _belongs(block, line, style):
            yield _element(block, style, words)
            block = []
        block.append(line)
    if block:
        yield _element(block, style, words)


def _belongs(block: Sequence[Line], line: Line, style: _Style) -> bool:
    """Whether a line goes on with the block above it."""
    above, below = block[-1].whole, line.whole
    if block[-1].page != line.page or above.mono != below.mono:
        return False
    drop = above.middle - below.middle
    if above.mono:
        return 0 < drop < 3 * below.size and not (drop > 1.8 * below.size and _is_sentence(below))
    if style.is_heading(above) or style.is_heading(below):
        return _look(above) == _look(below) and 0 < drop < 1.5 * below.size and len(block) < 4
    if _is_item(below) or drop <= 0 or drop > max(1.25 * style.leading, 1.3 * below.size):
        return False
    if _LABELLED.match(block[0].whole.text) and _LABELLED.match(below.text):
        return False
    if _is_item(block[0].whole):
        return below.x0 > block[0].whole.x0 + 2 or _goes_on(above, below)
    indent = below.x0 - above.x0
    is_new = indent > 0.8 * below.size and above.text[-1] in ".:!?" and len(block) > 1
    return not is_new and not _ends_early(block, above, below)


def _ends_early(block: Sequence[Line], above: Word, below: Word) -> bool:
    """A line that stops well before the right edge ends its paragraph, or stands for itself."""
    right = max(line.whole.x1 for line in block)
    right = max(right, below.x1)
    room = right - above.x1
    first = below.text.split(maxsplit=1)[0]
    needed = (len(first) + 2) * below.width / max(len(below.text), 1)
    return room > max(needed, 2 * below.size) and not _goes_on(above, below)


def _goes_on(above: Word, below: Word) -> bool:
    return above.text[-1] not in ".:!?" and below.text[:1].islower()


def _is_sentence(line: Word) -> bool:
    return bool(re.fullmatch(r"[A-Z][^{}=;<>|$]*\s[^{}=;<>|$]*\s[^{}=;<>|$]*[a-z)]\.", line.text))


def _is_item(line: Word) -> bool:
    return bool(_BULLET.match(line.text) or _NUMBER.match(line.text))


def _element(block: Sequence[Line], style: _Style, words: Counter[str]) -> Element:
    first, page = block[0].whole, block[0].page
    if first.mono and not (len(block) == 1 and _is_sentence(first)):
        return Element(ElementKind.CODE, _code([line.whole for line in block]), page=page)
    text = _flowing([line.whole.text for line in block], words)
    if style.is_heading(first):
        return Element(ElementKind.HEADING, text, level=style.level(first), page=page)
    if _is_item(first):
        bullet = _BULLET.match(text)
        item = text[bullet.end() :] if bullet else text
        return Element(ElementKind.LIST_ITEM, item, level=1, page=page)
    return Element(ElementKind.PROSE, text, page=page)


def _code(lines: Sequence[Word]) -> str:
    """The lines with the indentation, and the empty lines, that their places show."""
    margin = min(line.x0 for line in lines)
    character = max(median(line.width / len(line.text) for line in lines), 1.0)
    drops = [above.middle - below.middle for above, below in pairwise(lines)]
    usual = min(drops, default=0.0)
    texts: list[str] = []
    for line, drop in zip(lines, [usual, *drops], strict=True):
        if drop > 1.7 * usual > 0:
            texts.append("")
        texts.append(" " * round((line.x0 - margin) / character) + line.text)
    return "\n".join(texts)


def _flowing(lines: Sequence[str], words: Counter[str]) -> str:
    text = lines[0]
    for line in lines[1:]:
        text = _joined(text, line, words)
    return " ".join(text.split())


def _joined(above: str, below: str, words: Counter[str]) -> str:
    """Two lines, with a word that was divided between them made whole."""
    if not re.search(r"\w[-\u00ad]$", above) or not below[:1].islower():
        return f"{above} {below}"
    head, tail = above.split()[-1], below.split(maxsplit=1)[0]
    is_compound = words[head + tail] > words[head[:-1] + tail] or "-" in head[:-1]
    return above + below if is_compound else above[:-1] + below


def _joined_over_pages(blocks: Sequence[Element], words: Counter[str]) -> Iterator[Element]:
    """Makes a paragraph that a page or column end divides one again, on its first page."""
    last: Element | None = None
    for block in blocks:
        if last and _is_divided(last, block):
            last = replace(last, text=_joined(last.text, block.text, words))
            continue
        if last:
            yield last
        last = block
    if last:
        yield last


def _is_divided(above: Element, below: Element) -> bool:
    if above.kind not in (ElementKind.PROSE, ElementKind.LIST_ITEM):
        return False
    return (
        below.kind is ElementKind.PROSE
        and above.text[-1] not in ".:!?;"
        and below.text[:1].islower()
    )
