"""Whether a question asks for something else than one before it that is worded much like it: the
most for the least, what is banned, or how many there are in a time. Pure.

A vector tells little more than what a text is about, and both are about the same.
"""

import re
from collections.abc import Sequence

from router.evidence.contraries import Side, are_contrary, sides_of
from router.precedents.facts import Near
from router.precedents.frames import Precedent, about_it, made_once
from router.text import fold

_BANNED = re.compile(r"\b(?:banned|barred|forbidden|prohibited|ruled out|not allowed)\b")
_HOW_MANY_IN = re.compile(
    r"\bhow many\b(?! times\b).*\b(?:per|an?|each|every)"
    r" (?P<time>second|minute|hour|day|night|week|month)\b"
)


def without_contraries(question: str, sides: frozenset[Side], near: Sequence[Near]) -> list[Near]:
    """Those questions of `near` that may tell what a question with these `sides` asks. One that was
    asked in other words for the same as a contrary one is contrary as well."""
    asked = fold(question).text
    is_banned, counted = bool(_BANNED.search(asked)), _HOW_MANY_IN.search(asked)
    if not (sides or is_banned or counted):
        return list(near)

    def is_contrary(precedent: Precedent) -> bool:
        before = fold(precedent.question).text
        return (
            are_contrary(sides, _sides_of(precedent))
            or (is_banned and not _BANNED.search(before))
            or (counted is not None and counted["time"] not in f"{before} {precedent.sentence}")
        )

    contrary = {one for one, _ in near if is_contrary(one)}
    facts = {one.fact for one in contrary if one.fact}
    return [each for each in near if each[0] not in contrary and each[0].fact not in facts]


@made_once
def _sides_of(precedent: Precedent) -> frozenset[Side]:
    return sides_of(about_it(precedent.question, precedent.names))
