"""Labels and values that only make a sentence together, and names that are described. Pure."""

import re
from collections.abc import Iterator

from training.synthesis.labelled import may_mean
from training.synthesis.lexicon import meant_by
from training.synthesis.mined import Labelled
from training.synthesis.spoken import Stated, stated
from training.synthesis.subjects import Subject
from training.synthesis.values import PATTERNS
from training.synthesis.verbs import THIRD
from training.synthesis.words import LISTS, lowered, readable

MOST_WORDS = 3
"""A longer value may say more than its label asks for."""
_SWITCH = re.compile(r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)+")
_DESCRIBED = {"env_variable": re.compile(PATTERNS["env"]), "feature_flag": _SWITCH}
_REMARK = re.compile(
    rf"\s*(?:export |set )?(?P<name>{PATTERNS['env']})=\S{{1,200}}\s+#\s{{0,3}}"
    r"(?P<says>[a-z].{2,60})$"
)
_WHERE = re.compile(r"(?:where|when|how long|in what|what)\s", re.IGNORECASE)


def told_together(found: Labelled, subject: Subject) -> tuple[str, Stated] | None:
    """What a label says with its value, as `Finished orders are kept for` with `26 months` does;
    the answer, which may be a part of the value, and what kind of fact it is."""
    is_definition = found.label == "definition" and bool(found.entity)
    if found.condition or found.key or (found.entity and not is_definition):
        return None
    label = found.entity if is_definition else readable(found.label).text
    first = found.answer.split(" ", 1)[0].lower()
    goes_on = first in THIRD or first in LISTS["preposition"] or first.endswith("ed")
    is_open = label.split()[-1] in LISTS["preposition"]
    if is_definition and not (goes_on or is_open):
        return None
    meant = None if is_definition else meant_by(label)
    if meant and (goes_on or not may_mean(meant, found.answer)):
        meant = None
    if meant and len(found.answer.split()) <= MOST_WORDS:
        return None
    value = lowered(found.answer) if goes_on else found.answer
    before = _WHERE.sub("", label)
    sentence = f"{before} {value}"
    for told in stated(sentence, subject.bare):
        is_within = told.start >= len(before) and (meant is None or told.concept is meant.concept)
        if is_within and (told.concept.is_of_part or told.of.lower() != label.lower()):
            return sentence[told.start : told.end], told
    return None


def described(found: list[Labelled]) -> Iterator[Labelled]:
    """Names of variables and flags that are described, as answers:
    `MAP_FILE: environment variable with the place of the map`."""
    for one in found:
        name = (one.entity or one.label).strip("`")
        is_told = one.label == "definition" or (not one.entity and not one.key)
        meant = meant_by(lowered(one.answer.rstrip("."))) if is_told else None
        form = _DESCRIBED.get(meant.concept.name) if meant else None
        if meant and form and form.fullmatch(name) and len(meant.before.split()) < 2:
            yield Labelled(one.answer.rstrip("."), name, one.start, one.end)


def remarked(text: str) -> Iterator[Labelled]:
    """Variables that code sets with a remark that says what they hold."""
    place = 0
    for line in text.split("\n"):
        if found := _REMARK.match(line[:400]):
            label = f"environment variable for {found['says'].strip()}"
            start = place + found.start("name")
            yield Labelled(label, found["name"], start, place + len(line.rstrip()))
        place += len(line) + 1
