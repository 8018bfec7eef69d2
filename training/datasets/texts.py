"""The passages of the material by their words: which may answer, which are near. Pure."""

import heapq
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, lru_cache

from router.prompts import Passage
from router.text import fold, is_content, words
from training.datasets.material import Material
from training.datasets.subjects import Run

# Of the weight of the words that ask; a passage with more of them may hold the answer.
MOST_SHARED = 0.34
# A word of more passages says too little about which are near to be worth its time.
MOST_PASSAGES = 300
# That stand around a value and are no part of it.
_AROUND = "`\"'.,;:()|"


@dataclass(frozen=True, slots=True)
class Text:
    passage: Passage
    content_hash: str
    stems: frozenset[str]
    """Of the passage, its headings, and the title and path of its document."""


class Texts:
    def __init__(self, material: Material) -> None:
        self._texts: list[Text] = []
        self._having: dict[str, set[int]] = defaultdict(set)
        for source in material.sources.values():
            names = f"{source.title} {source.path}"
            for content_hash, passage in source.passages.items():
                stems = stems_of(f"{names} {passage.heading} {passage.text}")
                for stem in stems:
                    self._having[stem].add(len(self._texts))
                self._texts.append(Text(passage, content_hash, stems))

    def may_answer(self, subject: Run, wording: frozenset[str]) -> bool:
        """Whether a passage about the subject, without one any passage, has much of the wording."""
        wanted = wording - set(subject)
        weights = {stem: self._weight(stem) for stem in wanted}
        most = MOST_SHARED * sum(weights.values())
        return not wanted or any(
            sum(weights[each] for each in wanted & self._texts[at].stems) > most
            for stem in _telling(weights, most)
            for at in _in_all([self._with(stem), *map(self._with, subject)])
        )

    def has_value_like(self, subject: Run, answer: str) -> bool:
        """Whether a passage about the subject has a value written like this one.

        Plain numbers and plain words are everywhere and say nothing.
        """
        written = self._shaped.get(_shape(answer), frozenset())
        return any(True for _ in _in_all([written, *map(self._with, subject)]))

    @cached_property
    def _shaped(self) -> Mapping[str, AbstractSet[int]]:
        """The texts with a value of a shape, of those shapes that say something."""
        found: dict[str, set[int]] = defaultdict(set)
        for at, text in enumerate(self._texts):
            for shape in {_shape(token.strip(_AROUND)) for token in text.passage.text.split()}:
                if len(shape) >= 3 and re.search(r"[^\w\s]", shape):
                    found[shape].add(at)
        return found

    def nearest(
        self, wording: Iterable[str], apart_from: Collection[str], most: int
    ) -> list[Passage]:
        """Up to `most` passages that share the most with the wording, best first."""
        scores: dict[int, float] = defaultdict(float)
        for stem in wording:
            having = self._with(stem)
            if len(having) <= MOST_PASSAGES:
                weight = self._weight(stem)
                for at in having:
                    scores[at] += weight
        best = heapq.nlargest(
            most, scores, key=lambda at: (scores[at], self._texts[at].content_hash)
        )
        found = {self._texts[at].content_hash: self._texts[at].passage for at in best}
        return [found[name] for name in found if name not in apart_from]

    def _with(self, stem: str) -> AbstractSet[int]:
        return self._having.get(stem, frozenset())

    def _weight(self, stem: str) -> float:
        return math.log(1 + len(self._texts) / (1 + len(self._with(stem))))


def _in_all(sets: Sequence[AbstractSet[int]]) -> Iterator[int]:
    """What is in each of the sets, for no more time than the smallest of them takes."""
    least = min(sets, key=len)
    return (at for at in least if all(at in each for each in sets))


def _telling(weights: Mapping[str, float], most: float) -> list[str]:
    """The stems, the rarest first, but for common ones that together weigh no more than `most`:
    a text that has more has one of these."""
    ordered = sorted(weights, key=lambda stem: (-weights[stem], stem))
    # Sums differ by their order in the last digits.
    spare = most * (1 - 1e-9)
    while ordered and weights[ordered[-1]] <= spare:
        spare -= weights[ordered.pop()]
    return ordered


@lru_cache(maxsize=20_000)
def stems_of(text: str) -> frozenset[str]:
    """The stems of the words of content."""
    return frozenset(word.stem for word in words(fold(text).text) if is_content(word))


@lru_cache(maxsize=100_000)
def _shape(value: str) -> str:
    """`eu-west-1` as `a-a-0`."""
    return re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", "a", value))
