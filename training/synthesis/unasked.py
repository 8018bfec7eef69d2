"""Values in the sentences of a passage for which nothing asks yet. Pure.

Rules ask where they are sure how to; a model that writes questions needs only the value.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from router.quoting import on_one_line
from router.text import fold, sentences
from training.synthesis.mined import MinedFrom
from training.synthesis.sentences import LEAST, MOST, MOST_VALUES, overlaps, values_in
from training.synthesis.values import PATTERNS, Value
from training.synthesis.words import LISTS, is_identifier

_KINDS = ("prose", "list")
_NUMBERS = ("number", "count")
_QUOTED = re.compile(r"`(?P<a>[^`\n]{2,60})`|\"(?P<b>[^\"\n]{2,60})\"|“(?P<c>[^”\n]{2,60})”")
_NAME = re.compile(rf"(?<![\w'’&/.-]){PATTERNS['name']}")
# What is counted: `26 stops`, and `14 Tannery Row` as an address.
_COUNTED = re.compile(rf" (?:[a-z][a-z-]{{1,14}} )?[a-z][a-z-]{{1,14}}s\b| {PATTERNS['name']}")
# Of an item of a list, and of what opens a sentence.
_START = re.compile(r"(?:[-*•–]\s+|\(?\w{1,3}[.)]\s+)?[\"'“(]*")
# No part of a name that a sentence begins with.
_SMALL = LISTS["determiner"] | LISTS["preposition"] | LISTS["subordinator"] | LISTS["leaning"]
_ACRONYM = re.compile(r"[A-Z]{2,5}s?")


@dataclass(frozen=True, slots=True)
class Told:
    """`text[start:end]` of a passage is the `line`, which says the answer."""

    start: int
    end: int
    line: str
    answer: str


def unasked(passage: MinedFrom, asked: Collection[Told], about: str) -> Iterator[Told]:
    """The values that no line in `asked` has for its answer, a few of each sentence.

    `about` are title and headings of the passage: what they name is no value.
    """
    if passage.kind not in _KINDS:
        return
    above = fold(about).text
    for start, end in sentences(passage.text):
        line = on_one_line(passage.text[start:end]).strip()
        if not LEAST <= len(line) <= MOST:
            continue
        known = [fold(one.answer).text for one in asked if one.start < end and start < one.end]
        values = [
            value.text
            for value in _values(line)
            if not _is_known(fold(value.text).text, known) and fold(value.text).text not in above
        ]
        for answer in values[:MOST_VALUES]:
            yield Told(start, end, line, answer)


def _is_known(folded: str, known: Collection[str]) -> bool:
    return any(folded in one or one in folded for one in known)


def _values(line: str) -> list[Value]:
    """What is quoted, then what has the form of a value, then what has a name; in their order."""
    found: list[Value] = []
    for value in (*_quoted(line), *(_counted(line, one) for one in values_in(line)), *_named(line)):
        if not overlaps(value, found):
            found.append(value)
    return sorted(found, key=lambda value: value.start)


def _quoted(line: str) -> Iterator[Value]:
    for match in _QUOTED.finditer(line):
        group = str(match.lastgroup)
        yield Value("quoted", match.start(group), match.end(group), match[group].strip())


def _counted(line: str, value: Value) -> Value:
    """A number with the noun behind it."""
    noun = _COUNTED.match(line, value.end) if value.kind in _NUMBERS else None
    if noun is None:
        return value
    return replace(value, end=noun.end(), text=line[value.start : noun.end()])


def _named(line: str) -> Iterator[Value]:
    """Names; the first word of a sentence is one only if it is written as no other word is."""
    opening = _START.match(line)
    first = opening.end() if opening else 0
    for match in _NAME.finditer(line):
        start, text = match.start(), match[0]
        is_first = start <= first and not is_identifier(text)
        word, _, others = text.partition(" ")
        if is_first and word.lower() in _SMALL:
            start, text = start + len(word) + 1, others
        elif is_first and not others:
            continue
        if text and not _ACRONYM.fullmatch(text):
            yield Value("name", start, start + len(text), text)
