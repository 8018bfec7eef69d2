"""The passages of the material by their words: which may answer, which are near. Pure."""

import heapq
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from router.prompts import Passage
from router.text import fold, is_content, words
from training.datasets.material import Material
from training.datasets.subjects import Run

# Of the weight of the words that ask; a passage with more of them may hold the answer.
MOST_SHARED = 0.34
# A word of more passages says too little about which are near to be worth its time.
MOST_PASSAGES = 300


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
            sum(weights[stem] for stem in wanted & text.stems) > most
            for text in self._about(subject)
        )

    def has_value_like(self, subject: Run, answer: str) -> bool:
        """Whether a passage about the subject has a value written like this one.

        Plain numbers and plain words are everywhere and say nothing.
        """
        shape = _shape(answer)
        if not re.search(r"[^\w\s]", shape) or len(shape) < 3:
            return False
        return any(
            shape in {_shape(token.strip("`\"'.,;:()|")) for token in text.passage.text.split()}
            for text in self._about(subject)
        )

    def nearest(
        self, wording: Iterable[str], apart_from: Collection[str], most: int
    ) -> list[Passage]:
        """Up to `most` passages that share the most with the wording, best first."""
        scores: dict[int, float] = defaultdict(float)
        for stem in wording:
            having = self._having.get(stem, set())
            if len(having) <= MOST_PASSAGES:
                weight = self._weight(stem)
                for at in having:
                    scores[at] += weight
        best = heapq.nlargest(
            most, scores, key=lambda at: (scores[at], self._texts[at].content_hash)
        )
        found = {self._texts[at].content_hash: self._texts[at].passage for at in best}
        return [found[name] for name in found if name not in apart_from]

    def _about(self, subject: Run) -> Iterator[Text]:
        having = (self._having.get(stem, set()) for stem in subject)
        places = set.intersection(*having) if subject else range(len(self._texts))
        return (self._texts[at] for at in places)

    def _weight(self, stem: str) -> float:
        return math.log(1 + len(self._texts) / (1 + len(self._having.get(stem, ()))))


@lru_cache(maxsize=20_000)
def stems_of(text: str) -> frozenset[str]:
    """The stems of the words of content."""
    return frozenset(word.stem for word in words(fold(text).text) if is_content(word))


def _shape(value: str) -> str:
    """`eu-west-1` as `a-a-0`."""
    return re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", "a", value))
