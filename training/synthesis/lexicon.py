"""What people call things and how they ask for them: the concepts of `lexicon/`. Pure.

A concept is one kind of fact, such as a port or a notice period. Its files say by which words a
label or a sentence speaks of it, and in which different words people ask for it.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from training.synthesis.values import PATTERNS, compiled
from training.synthesis.words import LISTS

FOLDER = Path(__file__).with_name("lexicon")
_AFTER = re.compile(
    r"(?:against|for|in|on|at|per|of|from|to|with|by|before|after|between|during|when|while|until|"
    r"without|via|under|above|below|over|within|as|including|excluding|if|"
    r"that|naming|giving)\b"
)
_CLAUSE_WORDS = LISTS["preposition"] | LISTS["auxiliary"] | LISTS["subordinator"] | {","}
MAX_AFTER = 8
_WORD = re.compile(r"@|°|[a-z][\w-]{0,40}")
_HOLDS = {
    "number": re.compile(
        r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|half)\b"
    ),
    # No share.
    "amount": re.compile(r"\d[\d.,]*+(?!\s?(?:%|percent|per cent))"),
    "mass": re.compile(
        r"\d\s?(?:[kmµ]?g|t|kilos?|[a-z]*grams?|[a-z]*tonnes?|tons?|lbs?|pounds?)\b"
    ),
    "email": re.compile("@"),
    "moment": re.compile(rf"{PATTERNS['moment']}|{PATTERNS['date']}|\b\d{{4}}\b"),
}


@dataclass(frozen=True, slots=True)
class Concept:
    """`natural` are the qualifiers that a question may leave out; `says` find it in sentences,
    with the value as the group `v`, and what it is said of as `o`. The questions in `of` name
    that too."""

    name: str
    labels: re.Pattern[str]
    natural: re.Pattern[str] | None
    holds: re.Pattern[str] | None
    says: tuple[re.Pattern[str], ...]
    triggers: tuple[str, ...]
    asks: tuple[str, ...]
    of: tuple[str, ...]
    of_after: re.Pattern[str]
    """Behind a label, before what it is said of."""
    is_of_part: bool
    """A part says nothing of the whole: a service does not run when its job does."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a label means: the concept, and what the label says beyond it, before and after."""

    concept: Concept
    before: str
    after: str

    @property
    def of(self) -> str:
        """What the label says it of: `joint bookings` of `flag for joint bookings`."""
        found = self.concept.of_after.match(self.after) if self.concept.of else None
        return self.after[found.end() :] if found else ""


@cache
def concepts() -> tuple[Concept, ...]:
    """All concepts, in the order of the files."""
    return tuple(
        _concept(entry)
        for path in sorted(FOLDER.glob("*.toml"))
        for entry in tomllib.loads(path.read_text())["concept"]
    )


def _concept(entry: dict[str, str]) -> Concept:
    labels = "|".join(_lines(entry, "labels")) or r"(?!)"
    natural = entry.get("natural", "")
    return Concept(
        name=entry["name"],
        labels=re.compile(rf"(?<![\w-])(?:{labels})(?![\w-])", re.IGNORECASE),
        natural=re.compile(natural, re.IGNORECASE) if natural else None,
        holds=_HOLDS[entry["holds"]] if "holds" in entry else None,
        says=tuple(compiled(says) for says in _lines(entry, "says")),
        triggers=tuple(entry.get("triggers", "").split()),
        asks=tuple(_lines(entry, "asks")),
        of=tuple(_lines(entry, "of")),
        of_after=re.compile(rf"(?:{entry.get('of_after', 'for|of')}) (?!which\b|its?\b)"),
        is_of_part="of_part" in entry,
    )


def _lines(entry: dict[str, str], name: str) -> list[str]:
    return entry.get(name, "").strip().splitlines()


@lru_cache(maxsize=20_000)
def meant_by(label: str, *, is_key: bool = False) -> Meant | None:
    """The concept that covers most of a readable label; None if none of its words speaks of one.

    It stands at the end, or a preposition follows. In a key of a file it may also come first:
    `timeouts.connect` is the connect timeout.
    """
    best = (False, 0, 0)  # at the end, how long, how early in the files
    meant = None
    for place, concept in enumerate(concepts()):
        for found in concept.labels.finditer(label):
            before, after = label[: found.start()], label[found.end() :].strip(" ,")
            is_last = not after or _AFTER.match(after) is not None
            rank = (is_last, len(found[0]), -place)
            if rank <= best or not _may_surround(before, "" if is_key else after):
                continue
            if is_last:
                best, meant = rank, Meant(concept, _qualifier(before), after)
            elif is_key and not before and found[0].endswith("s"):
                best, meant = rank, Meant(concept, _qualifier(after), "")
    return meant


def spoken_of(sentence: str) -> list[Concept]:
    """The concepts that a sentence may state, by the starts of its words, in the files' order."""
    index = _triggers()
    words = set(_WORD.findall(sentence.lower()))
    starts = {word[:size] for word in words for size in range(1, len(word) + 1)}
    places = {place for start in starts & index.keys() for place in index[start]}
    return [concepts()[place] for place in sorted(places)]


@cache
def _triggers() -> dict[str, list[int]]:
    index: dict[str, list[int]] = {}
    for place, concept in enumerate(concepts()):
        for trigger in concept.triggers if concept.says else ():
            index.setdefault(trigger, []).append(place)
    return index


def _may_surround(before: str, after: str) -> bool:
    """Whether the rest of a label only narrows its main words down, and is no sentence."""
    words = before.lower().replace(",", " ,").split()
    is_phrase = not _CLAUSE_WORDS.isdisjoint(words) or any(w.endswith("ed") for w in words)
    is_phrase = is_phrase or words[:1] in (["what"], ["how"], ["where"])
    return not is_phrase and len(words) <= 3 and len(after.split()) <= MAX_AFTER


def _qualifier(before: str) -> str:
    """The words in front that narrow it down: `webhook` of `webhook max retries`."""
    words = [word for word in before.split() if word.lower() not in LISTS["empty_qualifier"]]
    return " ".join(words).strip(" ,:-")
