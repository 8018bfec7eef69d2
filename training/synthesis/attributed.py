"""Sentences that give a label its value, as a line of a table does: `The rollback command for
Halyard is …`, `Priya Sato is the tech lead`. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from training.synthesis.lexicon import Meant, meant_by
from training.synthesis.spoken import STAND_IN, Masked
from training.synthesis.values import PATTERNS, Value
from training.synthesis.words import LISTS, capitalised, is_identifier, readable

MOST_LABEL_WORDS = 7
MOST_VALUE_WORDS = 8
_LABEL = r"(?P<label>[A-Za-z][\w/-]*(?: [\w/-]+){0,6}?)"
_OF = rf"(?: (?:of|for|in|behind|at|on) {STAND_IN})?"
_SET = (
    r"(?:set|fixed|capped|limited|held|kept|defined|configured|pinned|bound|listed|given|put)"
    r"(?: to| at| as)?"
)
_IS = rf"(?:is|are|was|were)(?: (?:currently|now|always|normally|usually))?(?: {_SET})?(?: called)?"
_OWN = rf"(?:[Tt]he |[Oo]ur |{STAND_IN}['’]s )"
# `the topic of Halyard for position snapshots`, `the release of Halyard that is live today`
_MORE = rf"(?: (?!{STAND_IN}\b)[\w'-]+){{1,6}}?"
_FOR = rf"(?P<tail> (?:for|in|on|when|during){_MORE})?(?: (?:that|which) [\w '-]{{2,40}}?)?"
_TOLD = re.compile(rf"^(?:In {STAND_IN}, )?{_OWN}{_LABEL}{_OF}{_FOR} {_IS} (?P<v>[^,;()]{{1,90}})")
_CALLED = re.compile(
    r"^(?P<v>[^\s,;:()]{1,30}(?: [A-Z0-9&][^\s,;:()]{0,30}){0,3})"
    r" (?:is|was|acts as|serves as|has been)(?: (?:chosen|picked|used|named|appointed))?(?: as)?"
    rf" (?:the|its|our) {_LABEL}{_OF}(?=[,.;(]|$| and | with )"
)
_BESIDE = re.compile(
    rf"(?P<v>{PATTERNS['person']}), (?:the|its|our) {_LABEL}{_OF}(?=[,.;(]|$| and )"
)
_BEHIND = re.compile(
    rf"(?:\b(?:the|its|our) |^[Aa]s (?:the |its )?){_LABEL}{_OF}, (?P<v>{PATTERNS['person']})"
    r"(?=[,.;(]|$| [a-z])"
)
_HAS = re.compile(
    r"\b[Aa]n? (?P<label>[A-Za-z][\w-]*(?: [\w-]+){0,2}?) of"
    r"(?: (?:at most|up to|at least|no more than))? (?P<v>\d.*)"
)
_FORMS = (
    "span", "rate", "money", "percent", "duration", "size", "measure", "run_time", "moment",
    "number", "channel", "email", "url", "env", "path",
)  # fmt: skip
_FORM = re.compile("|".join(f"(?:{PATTERNS[form]})" for form in _FORMS))
_ENDS = re.compile(
    r"\.(?=\s|$)|\s(?:and|but|which|who|so|because|while|by default|unless|except)\b(?! [A-Z])"
)
_NO_LABEL = LISTS["leaning"] | LISTS["auxiliary"] | LISTS["subordinator"] | {"it", "they", "that"}
_COMMANDS = frozenset({"command", "command_to", "dry_run"})


@dataclass(frozen=True, slots=True)
class Attributed:
    """A value of a sentence, with the label that this gives it."""

    label: str
    value: Value
    names_value_first: bool = False
    """`Priya Sato is the tech lead`: so the sentence is about no other thing of that name."""


def attributed(text: str, name: str) -> Iterator[Attributed]:
    """What a sentence about the subject of this name says in the form of a label with a value.

    A number with its unit, a path and the like may have any label; a name needs one that is known.
    """
    masked = Masked(text, name)
    for pattern in (_TOLD, _CALLED, _BESIDE, _BEHIND, _HAS):
        for found in pattern.finditer(masked.text):
            label, is_first = found["label"], pattern is _CALLED
            label += found.groupdict().get("tail") or ""
            # A name may have lost its capital at the start.
            told = capitalised(found["v"]) if is_first else found["v"]
            written = _value_of(label, told, is_measure=pattern is _HAS)
            if not written or written == STAND_IN or STAND_IN in label:
                continue
            place = found.start("v") + told.index(written)
            start, end = masked.place(place), masked.place(place + len(written))
            shown = capitalised(text[start:end]) if is_first else text[start:end]
            value = Value("label", start, end, shown)
            yield Attributed(label, value, names_value_first=is_first or pattern is _BESIDE)


def _value_of(label: str, told: str, *, is_measure: bool) -> str:
    """The value that a label has in what follows; empty: that is none for it."""
    words = label.lower().split()
    if len(words) > MOST_LABEL_WORDS or not _NO_LABEL.isdisjoint(words):
        return ""
    ends = _ENDS.search(told)
    whole = (told[: ends.start()] if ends else told).strip().strip("`\"'“”")
    meant, form = meant_by(readable(label).text), _FORM.match(whole)
    if form and (form[0] == whole or is_measure):
        # `The figure is 30 minutes` leans on another sentence.
        is_told = meant is not None or (len(words) > 1 and not is_measure)
        return form[0] if is_told else ""
    return whole if meant and not is_measure and _may_be(meant, whole) else ""


def _may_be(meant: Meant, whole: str) -> bool:
    """Whether words without a unit may be the value of a label that is known."""
    words = whole.split()
    if not words or len(words) > MOST_VALUE_WORDS:
        return False
    if meant.concept.name in _COMMANDS:
        return not words[0].istitle() and words[0] not in LISTS["determiner"]
    # `extension 4603`
    if len(words) == 2 and words[0].islower() and words[1].isdigit():
        return True
    first = words[1] if words[0].lower() == "the" and len(words) > 1 else words[0]
    return first[:1].isupper() or first[:1].isdigit() or is_identifier(words[0])
