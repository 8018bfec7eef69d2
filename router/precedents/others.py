"""Whether what stands on a page about one thing is said of another one that is known. Pure."""

import re
from collections.abc import Set as AbstractSet
from typing import Protocol

from router.evidence.denials import clause_around
from router.evidence.focus import is_row, leads_above
from router.evidence.sources import Source
from router.precedents.frames import mentioned, mentions, name_key
from router.text import fold, is_content, words

_RELATIVES = frozenset({"which", "who", "whose", "where", "that"})
# On a page about a thing these mean that: `on night-bell it listens on 80`.
_PRONOUNS = frozenset({"it", "its", "they", "their", "we", "our"})
_OF = re.compile(r"\bof (?:the )?$")


class Span(Protocol):
    """A value by its start and end in a folded sentence."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


def names_another(text: str, keys: AbstractSet[str], others: AbstractSet[str]) -> bool:
    """Whether a text has a name of `others` and none of `keys`."""
    named = mentioned(text, keys | others)
    return bool(named) and named.isdisjoint(keys)


def is_held_by_another(
    source: Source, place: int, keys: AbstractSet[str], others: AbstractSet[str]
) -> bool:
    """Whether the nearest name in the lines that hold a row is one of `others`."""
    if not others or not is_row(source, place):
        return False
    spans = (source.sentences[above] for above in leads_above(source, place))
    named = (mentioned(source.text[one.start : one.end], keys | others) for one in spans)
    nearest = next(filter(None, named), keys)
    return nearest.isdisjoint(keys)


def is_of_another(
    source: Source, place: int, value: Span, keys: AbstractSet[str], others: AbstractSet[str]
) -> bool:
    """Whether the clause around a value of a sentence says of which of `others` it is, in front of
    it, as in `night-bell listens on 80`, `the port of night-bell is 80` and `it asks night-bell,
    which listens on 80`."""
    if not others:
        return False
    sentence = source.sentences[place]
    folded = fold(source.text[sentence.start : sentence.end]).text
    named = mentions(folded, keys | others)
    if not named:
        return False
    own_words, is_line = words(folded), is_row(source, place)
    clause = own_words if is_line else clause_around(folded, own_words, value.start, value.end)
    if not clause:
        return False
    begin = clause[0].start
    if clause[0].text in _RELATIVES:
        before = [(start, end) for start, end in named if not folded[end:begin].strip(" ,")]
        return any(name_key(folded[start:end]) in others for start, end in before)
    before = [(start, end) for start, end in named if begin <= start < value.start]
    if any(name_key(folded[start:end]) in keys for start, end in before):
        return False
    first = next((word.start for word in clause if is_content(word)), begin)
    for start, end in before:
        if start <= first < end:
            between = [word.text for word in clause if end <= word.start < value.start]
            if _PRONOUNS.isdisjoint(between):
                return True
        is_cell = is_line and folded.endswith(": ", 0, start)
        if is_cell or _OF.search(folded, 0, start) or folded.startswith("'s", end):
            return True
    return False
