"""Passages as blocks of a page. Pure: text in, dataclasses out; templates escape every word.

Nothing here makes HTML, so nothing that stands in a document can become markup.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from docportal.views import tables
from docportal.views.segments import Line, Mark, Span, lines, segments

_LIST_ITEM = re.compile(r"(?:[-*+•‣◦]|(?P<number>\d{1,4})[.)])\s+(?=\S)")


class Passage(Protocol):
    """The fields of a chunk that its rendering needs."""

    position: int
    kind: str
    heading_path: list[str]
    page: int | None
    language: str
    text: str


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
class Code:
    language: str
    line: Line
    kind: str = "code"


Block = Paragraph | ItemList | tables.Table | Code


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
    if passage.kind == "table" and (table := tables.table(text, mark)):
        return [table]
    return _prose(text, mark)


def plain_text(passages: Iterable[Passage]) -> str:
    """A version as lines, headings among them: what two versions are compared by."""
    lines: list[str] = []
    for section, passage in zip(sections(passages := list(passages)), passages, strict=True):
        lines += [f"{'#' * heading.level} {heading.text}" for heading in section.headings]
        lines += passage.text.splitlines() if section.blocks else []
        lines.append("")
    return "\n".join(lines)


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
    for line_start, line_end in lines(text):
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
