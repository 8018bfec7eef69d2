"""Pieces of a passage's text, some of them marked. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
"""Of characters: from, to."""

_WORD = re.compile(r"\w+")
# Marking these would point at nothing.
_COMMON = re.compile(
    "an?|and|are|as|at|be|by|can|do|does|for|from|has|have|how|i|if|in|is|it|may|must|not|of|on|or"
    "|our|should|that|the|their|there|this|to|was|we|what|when|where|which|who|why|will|with",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Segment:
    text: str
    marked: bool = False


Line = tuple[Segment, ...]


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


def lines(text: str) -> Iterator[Span]:
    """The spans of the lines that hold something, without the white space around them."""
    for found in re.finditer(r"\S[^\n]*", text):
        yield found.start(), found.start() + len(found.group().rstrip())


def around(text: str, start: int, end: int, context: int = 90) -> Line:
    """The span, marked, with a little of the text on both sides."""
    first = max(0, start - context)
    last = min(len(text), end + context)
    if first:
        first = text.find(" ", first, start) + 1 or start
    if last < len(text):
        border = text.rfind(" ", end, last)
        last = border if border >= 0 else end
    line = segments(text, (first, last), (start, end))
    before = (Segment("… "),) if first else ()
    after = (Segment(" …"),) if last < len(text.rstrip()) else ()
    return (*before, *line, *after)


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
