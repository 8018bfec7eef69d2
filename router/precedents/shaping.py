"""What of a value is of the kind of the answer before it. Pure.

A company's questions are answered in one manner: with `35 W` where its document says *heated,
35 W*, and with a name where that says who somebody is.
"""

import re

from router.concise import SIDES
from router.evidence.claims import WHOLE_NAME
from router.evidence.quantities import CALENDAR, quantities
from router.evidence.wanted import are_of_one_sort
from router.text import Word, fold, is_negation, words

# What is written in one piece, and the signs in it: `oak-d`, `#night`.
_WRITTEN = re.compile(r"[^\s,;]*[^\s,;.:!?)]")
_SIGN = re.compile(r"[^\w\s]")
# Of a value these say something: `after 9 s`, `9 s or more`, `9 g a day`. Others only stand beside
# it.
_TELLING = SIDES.union(
    {"about", "almost", "and", "between", "least", "less", "more", "most", "nearly", "or", "per"},
    {"to", "up", "yes"},
    {"day", "hour", "minute", "month", "night", "second", "week", "year"},
)


def of_its_kind(answer: str, value: str) -> tuple[int, int]:
    """Start and end of what is of the kind of the answer before it, where that is one quantity, one
    token with signs in it or a name of several words, and the value has one such and more: `7715`
    of `7715, cluster c`. Otherwise of all of it."""
    folded, written = fold(answer).text, fold(value)
    told = quantities(folded)
    if len(told) == 1 and (told[0].start, told[0].end) == (0, len(folded)):
        found = [one for one in quantities(written.text) if are_of_one_sort(told, [one])]
        ends = [(written.original(one.start), written.original(one.end)) for one in found]
    elif WHOLE_NAME.fullmatch(answer):
        ends = [one.span() for one in WHOLE_NAME.finditer(value)]
    else:
        signs = _signs(folded) if _WRITTEN.fullmatch(folded) else set()
        tokens = _WRITTEN.finditer(written.text) if signs else ()
        alike = [one.span() for one in tokens if signs == _signs(one[0])]
        ends = [(written.original(start), written.original(end)) for start, end in alike]
    return ends[0] if len(ends) == 1 else (0, len(value))


def _signs(piece: str) -> set[str]:
    return set(_SIGN.findall(piece)) or {"_"}.intersection(piece)


def answered_as(before: str, answer: str) -> str:
    """What of an answer is of the kind of the one `before` it, to the same question about whatever;
    all of it, where what stands around that tells something. The full stop and the white space at
    the end stay."""
    said = answer.rstrip()
    start, end = of_its_kind(before, said)
    around = words(fold(f"{said[:start]} ; {said[end:]}").text)
    if any(_is_telling(word) for word in around):
        return answer
    stop = "." if said.endswith(".") and end < len(said) else ""
    return said[start:end] + stop + answer[len(said) :]


def _is_telling(word: Word) -> bool:
    return word.text in _TELLING or is_negation(word) or bool(CALENDAR.fullmatch(word.text))
