"""Which facts of a known kind a sentence states, in the words of the lexicon. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from training.synthesis.leaning import points
from training.synthesis.lexicon import Concept, spoken_of
from training.synthesis.values import PATTERNS
from training.synthesis.verbs import BASES, THIRD
from training.synthesis.words import LISTS, lowered

MAX_OBJECT_WORDS = 11
STAND_IN = PATTERNS["subject"]
"""For the subject's name, lest the patterns have to know how many words that has."""
_OWN = re.compile(rf" (?:of|in|by|for|to) {STAND_IN}$|^{STAND_IN}['’]s ")
_DENIED = re.compile(r"(?:n't|\bnot|\bnever|\bno longer)(?: \w+)? $")
_POINTS = LISTS["pointing"]
_POINTS_ANYWHERE = _POINTS & frozenset(
    ["it", "its", "they", "them", "their", "this", "these", "those", "such", "he", "she", "here"]
)
_PRESENT = {base: third for third, base in THIRD.items()}


@dataclass(frozen=True, slots=True)
class Stated:
    """`start` and `end` hold the value. `of` is what the sentence says it of, if that is a part
    of the subject (`finished bookings`) or a case (`the pump is down`), and `done` what is done
    with that: `flushed`."""

    concept: Concept
    start: int
    end: int
    qualifier: str = ""
    of: str = ""
    done: str = ""


def stated(text: str, name: str) -> Iterator[Stated]:
    """What a sentence about the subject of this name says; of a value only one thing."""
    masked = Masked(text, name)
    starts: set[int] = set()
    # What is said of any part comes after what is said in words of its own
    for concept in sorted(spoken_of(text), key=lambda concept: concept.is_of_part):
        for says in concept.says:
            found = says.search(masked.text)
            if found is None or _DENIED.search(masked.text[: found.start()]):
                continue
            groups = found.groupdict()
            told = _object(groups.get("o") or "", found[0])
            start, end = masked.place(found.start("v")), masked.place(found.end("v"))
            if told is None or start in starts or STAND_IN in found["v"]:
                continue
            starts.add(start)
            marks = len(found["v"]) - len(found["v"].lstrip("`"))
            end -= len(found["v"]) - len(found["v"].rstrip("`"))
            q, done = lowered(groups.get("q") or ""), groups.get("p") or ""
            yield Stated(concept, start + marks, end, q, told.replace(STAND_IN, name), done)
            break


class Masked:
    """A sentence with a token for its subject, and where in it the places are."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self._shift = text, 0
        if name:
            named = re.compile(rf"(?<![\w/-]){re.escape(name)}(?![\w/-])", re.IGNORECASE)
            self.text = named.sub(STAND_IN, text)
            self._shift = len(name) - len(STAND_IN)

    def place(self, masked: int) -> int:
        return masked + self._shift * self.text.count(STAND_IN, 0, masked)


def _object(told: str, sentence: str) -> str | None:
    """What a fact is said of, as it stands inside a question; None if that stands for something
    that is named elsewhere, or is too long to be asked with."""
    told = _OWN.sub("", told)
    if told == STAND_IN:
        return ""
    words = told.split()
    low = [word.lower().strip(",") for word in words]
    leans = low[:1] != [] and (
        words[0] == STAND_IN or low[0] in _POINTS or not _POINTS_ANYWHERE.isdisjoint(low)
    )
    if leans or points(told) or len(words) > MAX_OBJECT_WORDS:
        return None
    shown = lowered(" ".join(words)).strip(" ,")
    return _in_present(shown) if sentence.lower().startswith("should ") else shown


def _in_present(case: str) -> str:
    """`the farm be full` of `Should the farm be full, …` as `the farm is full`."""
    words = case.split()
    for place in range(1, len(words)):
        is_many = words[place - 1].endswith("s") and not words[place - 1].endswith("ss")
        if words[place] == "be":
            words[place] = "are" if is_many else "is"
        elif words[place] in BASES and words[place - 1] not in LISTS["determiner"]:
            words[place] = words[place] if is_many else _PRESENT[words[place]]
        else:
            continue
        break
    return " ".join(words)


def is_many(phrase: str) -> bool:
    """Whether a noun phrase is of several things, by the word before its first preposition."""
    words = phrase.split()
    head = next((n for n, word in enumerate(words) if n and word in LISTS["preposition"]), None)
    last = words[: head or len(words)][-1] if words else ""
    return last.endswith("s") and not last.endswith(("ss", "us", "is")) and len(last) > 3
