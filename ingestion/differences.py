"""What changed between two texts: line by line, and word by word within changed lines. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_SIMILAR = 0.3
_MAX_COMPARED = 200
"""Pairs of lines in one change are compared by words up to so many lines; longer changes are
shown whole, since nobody reads the words of a rewritten page one by one."""


class Change(StrEnum):
    EQUAL = "equal"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Side:
    number: int
    """Of the line, from 1."""
    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One row of a side-by-side view. Inline, a changed row is its old and then its new line."""

    change: Change
    old: Side | None
    new: Side | None


@dataclass(frozen=True, slots=True)
class Fold:
    """A long run of equal rows that a view may hide."""

    rows: tuple[DiffRow, ...]


def compare(old: str, new: str) -> list[DiffRow]:
    old_lines, new_lines = old.splitlines(), new.splitlines()
    rows: list[DiffRow] = []
    for tag, a, b, c, d in _line_changes(old_lines, new_lines):
        if tag == "equal":
            rows += (_equal(a + n, c + n, line) for n, line in enumerate(old_lines[a:b]))
        else:
            rows += _changed_rows(a, old_lines[a:b], c, new_lines[c:d])
    return rows


def folded(rows: Sequence[DiffRow], context: int = 3) -> list[DiffRow | Fold]:
    """The rows, with equal runs far from any change put into folds."""
    near = {
        place + offset
        for place, row in enumerate(rows)
        if row.change is not Change.EQUAL
        for offset in range(-context, context + 1)
    }
    result: list[DiffRow | Fold] = []
    hidden: list[DiffRow] = []
    for place, row in enumerate(rows):
        if place in near:
            result += _fold(hidden)
            hidden = []
            result.append(row)
        else:
            hidden.append(row)
    return [*result, *_fold(hidden)]


def _fold(hidden: list[DiffRow]) -> list[DiffRow | Fold]:
    return [Fold(tuple(hidden))] if len(hidden) > 1 else list(hidden)


def _line_changes(
    old: Sequence[str], new: Sequence[str]
) -> Iterator[tuple[str, int, int, int, int]]:
    """Opcodes of difflib; equal lines at both ends are cut off first, as most edits are small."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    if start:
        yield ("equal", 0, start, 0, start)
    old_end, new_end = len(old) - end, len(new) - end
    # Of many lines, those that come often, such as empty ones, join no two places by themselves:
    # each would be compared with each.
    matcher = SequenceMatcher(None, old[start:old_end], new[start:new_end])
    for tag, a, b, c, d in matcher.get_opcodes():
        yield (tag, a + start, b + start, c + start, d + start)
    if end:
        yield ("equal", old_end, len(old), new_end, len(new))


def _changed_rows(
    old_at: int, old: Sequence[str], new_at: int, new: Sequence[str]
) -> Iterator[DiffRow]:
    """Lines that stand for each other become one row; the others are removed or added."""
    if len(old) != len(new) and max(len(old), len(new)) > _MAX_COMPARED:
        pairs: list[tuple[int, int]] = []
    else:
        pairs = _pairs(old, new)
    a = c = 0
    for b, d in [*pairs, (len(old), len(new))]:
        yield from (_removed(old_at + n, old[n]) for n in range(a, b))
        yield from (_added(new_at + n, new[n]) for n in range(c, d))
        if b < len(old) and d < len(new):
            yield _changed(old_at + b, old[b], new_at + d, new[d])
        a, c = b + 1, d + 1


def _pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Places of lines that are similar, in order. As many lines on both sides: one to one."""
    if len(old) == len(new):
        return [(n, n) for n in range(len(old)) if _similar(old[n], new[n])]
    pairs: list[tuple[int, int]] = []
    start = 0
    for place, line in enumerate(old):
        best = max(range(start, len(new)), key=lambda n: _likeness(line, new[n]), default=None)
        if best is not None and _likeness(line, new[best]) > _SIMILAR:
            pairs.append((place, best))
            start = best + 1
    return pairs


def _similar(old: str, new: str) -> bool:
    return _likeness(old, new) > _SIMILAR


def _likeness(old: str, new: str) -> float:
    """Share of words in common, from 0 to 1."""
    a, b = set(old.split()), set(new.split())
    return len(a & b) / max(len(a | b), 1)


def _changed(old_at: int, old: str, new_at: int, new: str) -> DiffRow:
    old_words, new_words = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, old_words, new_words, autojunk=False)
    left: list[Span] = []
    right: list[Span] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        left += _span("".join(old_words[a:b]), changed=tag != "equal")
        right += _span("".join(new_words[c:d]), changed=tag != "equal")
    return DiffRow(Change.CHANGED, Side(old_at + 1, tuple(left)), Side(new_at + 1, tuple(right)))


def _span(text: str, *, changed: bool) -> list[Span]:
    return [Span(text, changed)] if text else []


def _equal(old_at: int, new_at: int, text: str) -> DiffRow:
    spans = (Span(text, changed=False),)
    return DiffRow(Change.EQUAL, Side(old_at + 1, spans), Side(new_at + 1, spans))


def _removed(at: int, text: str) -> DiffRow:
    return DiffRow(Change.REMOVED, Side(at + 1, (Span(text, changed=True),)), None)


def _added(at: int, text: str) -> DiffRow:
    return DiffRow(Change.ADDED, None, Side(at + 1, (Span(text, changed=True),)))
