"""Which version of a document a question names: `in v2`, `version 2 of the runbook`, `before the
migration`. Pure.

Only a whole number can be that of a version kept here. What else pins a question down (a release,
`since v2`, two versions at once, a step to be done `before the release`) leaves it to the current
text, and so does a name that the current text uses itself: then it is the product's.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from router.prompts import Passage
from router.text import content_stems, fold

_NUMBER = r"(?:v|ver\.?|version|rev\.?|revision)\s?(?P<number>\d{1,9})(?!\w|\.\d)"
_RELEASE = r"(?:v(?:er(?:sion)?)?\.?\s?\d+(?:\.\d+)*|release\s\d+(?:\.\d+)*|rev(?:ision)?\s\d+)"
_OLDER = r"(?:old|previous|former|earlier)"
_SAYS = r"(?:say|says|said|state|states|stated|tell|mention|mentions)\b"
_WRITING = r"(?:doc|document|page|guide|handbook|manual|runbook|policy|spec)"
_EVENT = r"(?:migration|release|upgrade|update|change|cutover|rewrite|switch|move|edit)"
# Within what is asked: `it was down. How long does it wait before that?` and `it was down, how long
# does it wait before that?` ask for no earlier text.
_ON = r"(?:[^,;.?!]|\.\w|,(?! (?:how|what|when|where|which|who)\b))*"
# `in v2?` and `in v2 who`, but not `in v2 clusters`.
_ENDS = (
    r"(?=\s?(?:$|[,;:.?!)])"
    r"|\s(?:what|which|who|whose|how|when|where|why|is|are|was|were|did|do|does|and|or|of)\b)"
)

_PINNED = re.compile(
    r"\b(?:in|of|at|as of|since|until|up to|before|after|prior to|for|from)\s(?:the\s)?"
    rf"{_RELEASE}\b"
    rf"|\b{_RELEASE}\s(?:of\s|{_SAYS})"
    rf"|\b(?:before|prior to|until|as of)\s(?:the\s)?(?:\w+\s){{0,3}}{_EVENT}\b"
    r"|\bdid\b.*\buse(?:d)? to\b|\bused to be\b"
    r"|\b(?:formerly|previously|originally|back then|in the old)\b"
    rf"|\bthe {_OLDER} (?:version|release|value|limit|default|port|name|owner|text)\b"
    rf"|\bwas\b{_ON}\bbefore\s(?:it|that|this|they|we)\b"
)

# In all of these, what is in the group `cut` is taken out of the question.
_AT_NUMBER = (
    re.compile(
        r"\b(?<!since )(?<!after )(?<!before )(?<!prior to )(?<!until )"
        rf"(?P<cut>(?:the\s)?{_NUMBER}\sof\s)"
    ),
    re.compile(rf"\b(?P<cut>(?:the\s)?{_NUMBER})\s{_SAYS}"),
    re.compile(rf"\b(?P<cut>(?:in|of|at|as of|up to|for|from)\s(?:the\s)?{_NUMBER}){_ENDS}"),
)
_BEFORE_NUMBER = re.compile(rf"\b(?P<cut>(?:before|prior to|until)\s(?:the\s)?{_NUMBER}){_ENDS}")
_BEFORE_EVENT = re.compile(
    rf"\b(?P<cut>(?:before|prior to|until)\s(?:the\s)?(?:\w+\s){{0,3}}{_EVENT})\b"
)
_BEFORE = (
    re.compile(rf"\bin\s(?P<cut>the\s{_OLDER}\s(?:version|text)\sof\s)"),
    re.compile(rf"\b(?P<cut>in\sthe\s{_OLDER}\s(?:version|text))\b"),
    re.compile(rf"\b(?P<cut>the\s{_OLDER}\s(?:version|text))\s{_SAYS}"),
    re.compile(rf"\bthe\s(?P<cut>{_OLDER}\s)(?:value|limit|default|port|name|owner)\b"),
    re.compile(rf"\b(?:was|were)\b{_ON}\b(?P<cut>before\s(?:it|that|this|they|we)\b[^,;.?!]*)"),
    re.compile(r"(?P<cut>)(?:\bdid\b.*\buse(?:d)? to\b|\bused to be\b)"),
)
_ADVERB = re.compile(r"\b(?P<cut>formerly|previously|originally|back then)\b")
# Without it, `before the release` says when something is to be done.
_PAST = re.compile(r"\b(?:did|was|were|had)\b")
_OF_WRITING = re.compile(rf"\b{_NUMBER}\s(?:{_SAYS}|of\s(?:[\w-]+\s){{0,4}}{_WRITING}\b)")


@dataclass(frozen=True, slots=True)
class Pin:
    """What a question that names a version asks for: version `number`; `before` it, or without a
    number before the current one; with neither, of no version that is kept here.

    `bare` is the question without the words that name the version. `words` are these, folded.
    `of_writing`: they speak of a document, and cannot mean the product's version.
    """

    bare: str
    words: str = ""
    number: int | None = None
    before: bool = False
    of_writing: bool = False

    @property
    def is_of_current(self) -> bool:
        return self.number is None and not self.before


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read for a pinned question, told to its asker; `missing`: nothing, as there is no
    such version."""

    reason: str
    missing: bool = False


def read_pin(question: str) -> Pin | None:
    """What a question is pinned to, None if to nothing."""
    plain = " ".join(question.split())
    folded = fold(plain)
    if not _PINNED.search(folded.text):
        return None
    found = next(_mentions(folded.text), None)
    if found is None:
        return Pin(plain)
    start, end = found.span("cut")
    says = re.compile(rf"\s{_SAYS}").match(folded.text, end) is not None
    pieces = plain[: folded.original(start)], plain[folded.original(end) :]
    number = found.groupdict().get("number")
    return Pin(
        bare=_tidy(pieces, "the document" if says else "") or plain,
        words=found["cut"],
        number=int(number) if number else None,
        before=not number or found.re is _BEFORE_NUMBER,
        of_writing=bool(number and _OF_WRITING.search(folded.text)),
    )


def _mentions(folded: str) -> Iterator[re.Match[str]]:
    """Where a version is named, the surest place first."""
    numbers = {found["number"] for found in re.finditer(rf"\b{_NUMBER}", folded)}
    is_past = _PAST.search(folded) is not None
    if len(numbers) == 1:
        yield from _found(_AT_NUMBER, folded)
        yield from _found([_BEFORE_NUMBER] if is_past else [], folded)
    if not numbers:
        yield from _found(_BEFORE, folded)
        yield from _found([_BEFORE_EVENT, _ADVERB] if is_past else [], folded)


def _found(patterns: Sequence[re.Pattern[str]], folded: str) -> Iterator[re.Match[str]]:
    return (found for pattern in patterns if (found := pattern.search(folded)))


def _tidy(pieces: tuple[str, str], instead: str) -> str:
    """The pieces as one question; empty if it no longer asks about anything."""
    joined = " ".join(f"{pieces[0]} {instead} {pieces[1]}".split())
    bare = re.sub(r"\s+(?=[?.!,;:])", "", joined).strip(" ,;:")
    return bare if content_stems(bare) else ""


def is_spoken_of(pin: Pin, passages: Sequence[Passage]) -> bool:
    """Whether the passages use the very name that the question uses, in title, path or text."""
    if pin.number is not None:
        name = re.compile(
            rf"(?<![a-z0-9])(?:v|ver\.?|version|rev\.?|revision)[\s_-]?{pin.number}"
            r"(?![a-z0-9]|\.\d)"
        )
    elif _BEFORE_EVENT.fullmatch(pin.words):
        name = re.compile(rf"\b{re.escape(pin.words)}\b")
    else:
        return False
    said = [text for one in passages for text in (one.title, one.path)]
    if not pin.of_writing:
        said += [text for one in passages for text in (one.heading, one.text)]
    return any(name.search(" ".join(fold(text).text.split())) for text in said)


# --- What is said to the asker ----------------------------------------------------------------

OF_CURRENT = Reading("It names no single version of a document; the current text is read.")
OF_PRODUCT = Reading("The documents speak of that version themselves; the current text is read.")


def of_version(pin: Pin, title: str, number: int, when: str) -> Reading:
    """`when` says when that version was served, as `served_until` does."""
    version = f"version {number} of {title} ({when})"
    if pin.before:
        return Reading(f"It asks for what was before; {version} is read.")
    return Reading(f"It asks for {version}; that text is read.")


def served_until(day: date) -> str:
    """`served until 3 Nov 2026`."""
    return f"served until {day.day} {day:%b %Y}"


def nothing_older(title: str) -> Reading:
    return Reading(
        f"It asks for what was before, and nothing older of {title} is kept; the current text is "
        "read."
    )


def missing(number: int, title: str, kept: Sequence[int]) -> Reading:
    """`kept` are the numbers of the versions that there are, rising."""
    plural = "versions" if len(kept) > 1 else "version"
    return Reading(
        f"There is no version {number} of {title}; it has {plural} {_spoken(kept)}.", missing=True
    )


def _spoken(numbers: Sequence[int]) -> str:
    """`1 to 3, 5 and 7`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    said: list[str] = []
    for run in runs:
        said += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run)
    return " and ".join(filter(None, (", ".join(said[:-1]), *said[-1:])))
