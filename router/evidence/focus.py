"""How well a place fits what a question asks about its entity. Pure.

The words of an entity stand in every title and heading of its documents, so they say nothing
about which of its values is meant. Only the other words of the question count here: its aspect.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from router.evidence.questions import Question
from router.evidence.sources import CONTEXT, Source
from router.evidence.wanted import Wanted

# How much a word counts by where it stands, seen from the sentence in question.
_IN_SENTENCE, _IN_HEADING, _BESIDE, _IN_CONTEXT = 1.0, 0.8, 0.5, 0.15
_SUFFIX = re.compile(
    r"(?<=\w{3})(?:abilit|ibilit|abl|ibl|ation|tion|ion|ment|ness|anc|enc|it|ly|er|or)?y?$"
    r"|(?<=\w{5})al(?:ly)?$"
)
_ROW = re.compile(r"(?:[-*•]\s+)?[\"'`]?[\w./()-]+(?:\s[\w./()-]+){0,4}[\"'`]?\s?[:=](?:\s|$)")

Place = tuple[int, int]
"""The numbers of a passage and of a sentence in it (or `CONTEXT`), from 0."""


@lru_cache(maxsize=20_000)
def root(stem: str) -> str:
    """What `available` and `availability`, `monthly` and `month`, `owner` and `owns` share."""
    if not stem.isascii() or not stem.isalpha():
        return stem
    shorter = _SUFFIX.sub("", stem, count=1)
    return stem if shorter == stem else root(shorter)


def roots(stems: Iterable[str]) -> frozenset[str]:
    return frozenset(map(root, stems))


@dataclass(frozen=True, slots=True)
class Focus:
    """What each place has of the aspect; only the proportion between two of them has a sense.

    `best` is that of the best rival: a sentence about the entity that holds a value of the kind
    that is wanted, or if no wording tells the kind, any sentence about the entity.
    """

    at: dict[Place, float]
    best: float


def read_focus(asked: Question, sources: Sequence[Source]) -> Focus:
    aspect = roots(asked.aspect)
    own = [[roots(one.stems) & aspect for one in source.sentences] for source in sources]
    weights = _weights(aspect, own)
    at: dict[Place, float] = {}
    best = 0.0
    for number, source in enumerate(sources):
        context, heading = roots(source.context_stems), roots(source.heading_stems)
        at[number, CONTEXT] = _gained(weights, (context, _IN_SENTENCE))
        for place, here in enumerate(own[number]):
            leads, near = _around(source, place, own[number])
            said = ((here, _IN_SENTENCE), (heading | leads, _IN_HEADING))
            at[number, place] = _gained(weights, *said, (near, _BESIDE), (context, _IN_CONTEXT))
            if _is_rival(source, place, asked):
                best = max(best, _gained(weights, *said))
    return Focus(at, best)


def _weights(aspect: frozenset[str], own: list[list[frozenset[str]]]) -> dict[str, float]:
    """A word weighs log(1 + sentences / sentences that have it)."""
    having = Counter(one for sentences in own for found in sentences for one in found)
    total = sum(map(len, own))
    return {one: math.log(1 + total / max(having[one], 1)) for one in aspect}


def _gained(weights: dict[str, float], *levels: tuple[frozenset[str], float]) -> float:
    return sum(
        weight * next((level for stems, level in levels if one in stems), 0.0)
        for one, weight in weights.items()
    )


def _is_rival(source: Source, place: int, asked: Question) -> bool:
    known = source.sentences[place].stems | source.context_stems
    if not asked.named <= known:
        return False
    wanted = asked.wanted
    return not wanted or not wanted.is_sure or shows(source, place, wanted)


def shows(source: Source, place: int, wanted: Wanted) -> bool:
    """Whether a sentence surely holds a value of the kind that is wanted."""
    sentence = source.sentences[place]
    line = source.text[sentence.start : sentence.end]
    tokens = (token.strip("()[]{}'\"`*.,:;!?") for token in line.split())
    return wanted.is_shown(source.quantities_of(place), tokens)


def _around(
    source: Source, place: int, own: Sequence[frozenset[str]]
) -> tuple[frozenset[str], frozenset[str]]:
    """What the leads of a row say, and what the neighbours of a sentence of prose say.

    Two rows, one below the other, are about two things.
    """
    nothing = frozenset[str]()
    if is_row(source, place):
        return nothing.union(*(own[above] for above in leads_above(source, place))), nothing
    near = [n for n in (place - 1, place + 1) if 0 <= n < len(own) and not is_row(source, n)]
    return nothing, nothing.union(*(own[n] for n in near))


def leads_above(source: Source, place: int) -> list[int]:
    """The lines above a row that end with a colon and hold it: `limits:`, `The limits are:`."""
    leads = []
    indent = _indent(source, place)
    for above in range(place - 1, -1, -1):
        sentence = source.sentences[above]
        ends_open = source.text[sentence.start : sentence.end].endswith(":")
        if ends_open and (_indent(source, above) < indent or not is_row(source, above)):
            leads.append(above)
            indent = _indent(source, above)
    return leads


def is_row(source: Source, place: int) -> bool:
    """Whether a sentence is a line of its own that sets a name and a value: `port: 80`, or a term
    with a value below it."""
    sentence = source.sentences[place]
    line = source.text[sentence.start : sentence.end]
    before = source.text[: sentence.start].rstrip(" \t")
    alone = not before or before.endswith("\n")
    sets = bool(_ROW.match(line)) or "\n" in line
    return alone and sets and ("; " in line or len(line.split()) <= 10)


def _indent(source: Source, place: int) -> int:
    start = source.sentences[place].start
    return start - source.text.rfind("\n", 0, start) - 1
