"""A question in the words in which the same was asked before, of something else. Pure.

People have other words for what a document tells than those who wrote it, and a small reader finds
what is asked for in the document's own. Questions that were answered before have these.
"""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import takewhile

from router.precedents.facts import Near
from router.precedents.frames import Precedent, mentions
from router.precedents.leads import Subject
from router.text import fold

# Of cosines, from which on both ask the same. Of 56 things asked about four companies in new words
# the nearest question asks that for 47 from here on and for another one never; of 80 that nothing
# tells nine have one as near.
ASKS_THE_SAME = 0.6
# By so much the nearest question must be nearer than one for something else.
LEAST_LEAD = 0.03

_DIGITS = re.compile(r"\d+")


def in_known_words(question: str, near: Iterable[Near], subject: Subject) -> str:
    """The nearest question of `near` that a person wrote, about what `question` is about; empty:
    none asks the same, or one for something else is about as near.

    Only of questions that name one thing or none, and of those about the same numbers. `near`
    begins with the nearest.
    """
    own = _named(question, subject.keys)
    if len(own) > 1:  # Which of them it would be asked of is not told.
        return ""
    numbers = _numbers(question, own)
    alike = takewhile(lambda one: one[1] > ASKS_THE_SAME - LEAST_LEAD, near)
    asked = subject.asking([one for one in alike if one[0].is_written])
    if _are_for_several(asked):
        return ""
    same = (one for one, cosine in asked if cosine >= ASKS_THE_SAME)
    return next(filter(None, (_about(own, one, numbers) for one in same)), "")


def _are_for_several(asked: Sequence[Near]) -> bool:
    """Whether those about as near as the nearest, the first, ask for different things."""
    alike = takewhile(lambda one: one[1] > asked[0][1] - LEAST_LEAD, asked)
    return len({one.fact for one, _ in alike}) > 1


def _about(own: list[tuple[int, int, str]], precedent: Precedent, numbers: set[str]) -> str:
    """The question before about what is `own` now, one thing or none; empty: it names more or less,
    or has other `numbers`."""
    asked = precedent.question
    named = _named(asked, precedent.names)
    if len(named) != len(own) or _numbers(asked, named) != numbers:
        return ""
    if not own:
        return asked
    start, end, _ = named[0]
    return f"{asked[:start]}{own[0][2]}{asked[end:]}"


def _named(text: str, known: AbstractSet[str]) -> list[tuple[int, int, str]]:
    """Start and end of each of the `known` names in a text, and the name as it is typed."""
    folded = fold(text)
    spans = (
        (folded.original(start), folded.original(end))
        for start, end in mentions(folded.text, known)
    )
    return [(start, end, text[start:end]) for start, end in spans]


def _numbers(text: str, named: Iterable[tuple[int, int, str]]) -> set[str]:
    """Those that are no part of a name."""
    inside = [(start, end) for start, end, _ in named]
    found = _DIGITS.finditer(text)
    return {one[0] for one in found if not any(start <= one.start() < end for start, end in inside)}
