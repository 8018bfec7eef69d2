"""Passages as blocks of a page. Pure: text in, dataclasses out; templates escape every word.

Nothing here makes HTML, so nothing that stands in a document can become markup.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

Span = tuple[int, int]

_LIST_ITEM = re.compile(r"(?:[-*+•‣◦]|(?P<number>\d{1,4})[.)])\s+(?=\S)")
_WORD = re.compile(r"\w+")
# Marking these would point at nothing.
_COMMON = re.compile(
    "an?|and|are|as|at|be|by|can|do|does|for|from|has|have|how|i|if|in|is|it|may|must|not|of|on|or"
    "|our|should|that|the|their|there|this|to|was|we|what|when|where|which|who|why|will|with",
    re.IGNORECASE,
)


class Passage(Protocol):
    """The fields of a chunk that its rendering needs."""

    position: int
    kind: str
    heading_path: list[str]
    page: int | None
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Segment:
    text: str
    marked: bool = False


Line = tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Item:
    depth: int
    """From 0."""
    line: Line


@dataclass(frozen=True, slots=True)
class Paragraph:
    line: Line
    kind: str = "paragraph"


@dataclass(frozen=True, slots=True)
class ItemList:
    ordered: bool
    first: int
    items: tuple[Item, ...]
    kind: str = "list"


@dataclass(frozen=True, slots=True)
class Table:
    headers: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class Code:
    language: str
    line: Line
    kind: str = "code"


Block = Paragraph | ItemList | Table | Code


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    level: int
    """From 2: the page's own title is the first."""
    anchor: str


@dataclass(frozen=True, slots=True)
class Section:
    """One passage as it stands in the page, under the headings that begin with it."""

    position: int
    headings: tuple[Heading, ...]
    page: int | None
    """Only where a new page begins."""
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A span of characters of one passage that is to be highlighted."""

    position: int
    start: int
    end: int

    @classmethod
    def parse(cls, value: str) -> "Mark | None":
        """Reads `7:120-240`; None for anything else."""
        found = re.fullmatch(r"(\d{1,6}):(\d{1,7})-(\d{1,7})", value, re.ASCII)
        return cls(*map(int, found.groups())) if found else None

    def __str__(self) -> str:
        return f"{self.position}:{self.start}-{self.end}"


def sections(passages: Iterable[Passage], mark: Mark | None = None) -> list[Section]:
    """The passages of one version in order, each with its new headings and blocks."""
    made = []
    path: Sequence[str] = ()
    page: int | None = None
    for passage in passages:
        own = passage.heading_path
        span = (mark.start, mark.end) if mark and mark.position == passage.position else None
        made.append(
            Section(
                position=passage.position,
                headings=tuple(_new_headings(path, own, passage.position)),
                page=passage.page if passage.page != page else None,
                blocks=tuple(blocks(passage, span)),
            )
        )
        path, page = own, passage.page
    return made


def _new_headings(before: Sequence[str], now: Sequence[str], position: int) -> Iterator[Heading]:
    shared = 0
    while shared < min(len(before), len(now)) and before[shared] == now[shared]:
        shared += 1
    for depth in range(shared, len(now)):
        yield Heading(now[depth], min(depth + 2, 6), f"p{position}")


def blocks(passage: Passage, mark: Span | None = None) -> list[Block]:
    """The blocks that a passage's text is made of, `mark` (in characters of it) highlighted."""
    text = passage.text
    if passage.heading_path and text == passage.heading_path[-1]:
        return []  # A heading with nothing below it: the page shows it as the heading that it is.
    if passage.kind == "code":
        return [Code(passage.language, segments(text, (0, len(text)), mark))]
    if passage.kind == "table" and (table := _table(text, mark)):
        return [table]
    return _prose(text, mark)


def segments(text: str, span: Span, mark: Span | None) -> Line:
    """`text[span]` cut where the mark begins and ends."""
    start, end = span
    if mark is None or mark[1] <= start or mark[0] >= end:
        return (Segment(text[start:end]),)
    first, last = max(start, mark[0]), min(end, mark[1])
    parts = (
        Segment(text[start:first]),
        Segment(text[first:last], marked=True),
        Segment(text[last:end]),
    )
    return tuple(part for part in parts if part.text)


def plain_text(passages: Iterable[Passage]) -> str:
    """A version as lines, headings among them: what two versions are compared by."""
    lines: list[str] = []
    for section, passage in zip(sections(passages := list(passages)), passages, strict=True):
        lines += [f"{'#' * heading.level} {heading.text}" for heading in section.headings]
        lines += passage.text.splitlines() if section.blocks else []
        lines.append("")
    return "\n".join(lines)


def _lines(text: str) -> Iterator[Span]:
    """The spans of the lines that hold something, without the white space around them."""
    for found in re.finditer(r"\S[^\n]*", text):
        yield found.start(), found.start() + len(found.group().rstrip())


def _prose(text: str, mark: Span | None) -> list[Block]:
    """Paragraphs, which end at an empty line, and lists, whose items begin with a bullet or a
    number."""
    made: list[Block] = []
    for is_list, group in groupby(_paragraphs(text), lambda span: bool(_item(text, span))):
        spans = list(group)
        if is_list:
            made.append(_list(text, spans, mark))
        else:
            made += [Paragraph(segments(text, span, mark)) for span in spans]
    return made


def _paragraphs(text: str) -> Iterator[Span]:
    """The spans of list items and of runs of other lines."""
    start: int | None = None
    last = 0
    for line_start, line_end in _lines(text):
        begins = _item(text, (line_start, line_end)) or "\n\n" in text[last:line_start]
        if start is not None and begins:
            yield start, last
            start = None
        start = line_start if start is None else start
        last = line_end
    if start is not None:
        yield start, last


def _item(text: str, span: Span) -> re.Match[str] | None:
    return _LIST_ITEM.match(text, *span)


def _list(text: str, spans: Sequence[Span], mark: Span | None) -> ItemList:
    found = [match for span in spans if (match := _item(text, span))]
    items = tuple(
        Item(
            depth=len(text[text.rfind("\n", 0, start) + 1 : start].expandtabs(4)) // 2,
            line=segments(text, (match.end(), end), mark),
        )
        for match, (start, end) in zip(found, spans, strict=True)
    )
    ordered = all(match["number"] for match in found)
    return ItemList(ordered, int(found[0]["number"] or 1), items)


@dataclass(frozen=True, slots=True)
class _Cell:
    header: str
    start: int
    end: int


def _table(text: str, mark: Span | None) -> Table | None:
    """Rows such as `Team: Billing; Budget: 400 EUR` as a table, or None if they are not that.

    A value may itself hold `; ` or `: `: only names that most rows share are headers, anything
    else belongs to the value before it.
    """
    rows = [_cells(text, span) for span in _lines(text)]
    counts = Counter(name for row in rows for name in {cell.header for cell in row})
    headers = [name for name, count in counts.items() if name and count * 2 > len(rows)]
    headers.sort(key=lambda name: _first_place(rows, name))
    merged = [_merge(row, set(headers)) for row in rows]
    if len(headers) < 2 or any(not row or not row[0].header for row in merged):
        return None
    by_header = [{cell.header: cell for cell in row} for row in merged]
    if any(len(cells) != len(row) for cells, row in zip(by_header, merged, strict=True)):
        return None
    return Table(
        tuple(headers),
        tuple(
            tuple(
                segments(text, (cells[name].start, cells[name].end), mark) if name in cells else ()
                for name in headers
            )
            for cells in by_header
        ),
    )


def _cells(text: str, span: Span) -> list[_Cell]:
    cells = []
    start, line_end = span
    while start < line_end:
        end = text.find("; ", start, line_end)
        end = line_end if end < 0 else end
        colon = text.find(": ", start, end)
        if colon < 0 and text.endswith(":", start, end):
            colon = end - 1
        if colon < 0:
            cells.append(_Cell("", start, end))
        else:
            cells.append(_Cell(text[start:colon], min(colon + 2, end), end))
        start = end + 2
    return cells


def _first_place(rows: Sequence[Sequence[_Cell]], name: str) -> int:
    return next(place for row in rows for place, cell in enumerate(row) if cell.header == name)


def _merge(row: Sequence[_Cell], headers: set[str]) -> list[_Cell]:
    merged: list[_Cell] = []
    for cell in row:
        if cell.header in headers or not merged:
            merged.append(cell)
        else:
            merged[-1] = _Cell(merged[-1].header, merged[-1].start, cell.end)
    return merged


def snippet(text: str, question: str, length: int = 240) -> Line:
    """The part of a passage with most words of the question, those words marked.

    At most about `length` characters, cut at white space; cuts show as `…`.
    """
    wanted = {_stem(word) for word in _WORD.findall(question) if not _COMMON.fullmatch(word)}
    found = [
        (match.start(), match.end())
        for match in _WORD.finditer(text)
        if _stem(match.group()) in wanted
    ]
    start, end = _densest(text, found, length)
    made = [Segment("… ")] if start else []
    place = start
    for first, last in found:
        if first < place or last > end:
            continue
        made += [Segment(text[place:first]), Segment(text[first:last], marked=True)]
        place = last
    made += [Segment(text[place:end]), Segment(" …" if end < len(text.rstrip()) else "")]
    return tuple(part for part in made if part.text)


def _stem(word: str) -> str:
    word = word.casefold()
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def _densest(text: str, found: Sequence[Span], length: int) -> Span:
    """The window of `length` characters that holds most of the spans; the first of equals."""
    if len(text) <= length:
        return 0, len(text)
    best, most = 0, 0
    for first, _ in found:
        inside = len({text[s:e].casefold() for s, e in found if first <= s and e <= first + length})
        if inside > most:
            best, most = first, inside
    start = max(0, min(best - length // 4, len(text) - length))
    if start:
        start = text.find(" ", start, best + 1) + 1 or best
    end = min(len(text), start + length)
    if end < len(text):
        border = text.rfind(" ", start, end)
        end = border if border > start else end
    return start, end
