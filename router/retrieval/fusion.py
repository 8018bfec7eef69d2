"""How two rankings become one list of passages. Pure.

The constants were chosen on three sets of labelled questions of different kinds (a wiki in
prose, service pages, support notes), where each gave more than reciprocal rank fusion; none is
sharp, and half or double of it changes little.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A convex combination of scores keeps how far apart two passages are, which ranks throw away:
# Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023.
DENSE_WEIGHT = 0.7
# An answer often stands beside the sentence that sounds like the question.
NEIGHBOUR_WEIGHT = 0.1
# For each better passage of the same document: close calls go to another one.
REPEAT_FACTOR = 0.96

Ranking = Sequence[tuple[int, float]]
"""Passages and their scores, best first."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage stands, and what it says: equal `content` is a copy."""

    version_id: int
    position: int
    content: str


def blend(lexical: Ranking, dense: Ranking | None, *, depth: int) -> dict[int, float]:
    """One score from 0 to 1 for each passage of either ranking.

    Word scores count as shares of the best one, cosines as they are. A passage that is missing
    in a ranking of `depth` places has at most the score of its last; that is what it gets.
    """
    best = lexical[0][1] if lexical else 1.0
    by_words = {passage: score / best for passage, score in lexical}
    if dense is None:
        return by_words
    by_meaning = {passage: min(1.0, max(0.0, cosine)) for passage, cosine in dense}
    least_words, least_meaning = _least(by_words, depth), _least(by_meaning, depth)
    return {
        passage: DENSE_WEIGHT * by_meaning.get(passage, least_meaning)
        + (1 - DENSE_WEIGHT) * by_words.get(passage, least_words)
        for passage in by_words | by_meaning
    }


def arrange(scores: Mapping[int, float], places: Mapping[int, Place], limit: int) -> Ranking:
    """The best passages among those that have a place, each said once, scores from 0 to 1.

    Equal scores are ordered by id, so that the same question has the same answer twice.
    """
    left = _without_copies(_with_neighbours(scores, places), places)
    seen: defaultdict[int, int] = defaultdict(int)
    chosen: list[tuple[int, float]] = []

    def worth(passage: int) -> float:
        return left[passage] * REPEAT_FACTOR ** seen[places[passage].version_id]

    while left and len(chosen) < limit:
        best = min(left, key=lambda passage: (-worth(passage), passage))
        chosen.append((best, worth(best)))
        seen[places[best].version_id] += 1
        del left[best]
    return chosen


def _least(scores: Mapping[int, float], depth: int) -> float:
    return min(scores.values(), default=0.0) if len(scores) >= depth else 0.0


def _with_neighbours(scores: Mapping[int, float], places: Mapping[int, Place]) -> dict[int, float]:
    known = {passage: score for passage, score in scores.items() if passage in places}
    found = {
        (places[passage].version_id, places[passage].position): score
        for passage, score in known.items()
    }

    def around(place: Place) -> float:
        before, after = (
            found.get((place.version_id, place.position + step), 0.0) for step in (-1, 1)
        )
        return NEIGHBOUR_WEIGHT * (before + after)

    return {
        passage: (score + around(places[passage])) / (1 + 2 * NEIGHBOUR_WEIGHT)
        for passage, score in known.items()
    }


def _without_copies(scores: Mapping[int, float], places: Mapping[int, Place]) -> dict[int, float]:
    best: dict[str, int] = {}
    for passage in sorted(scores, key=lambda passage: (-scores[passage], passage)):
        best.setdefault(places[passage].content, passage)
    return {passage: scores[passage] for passage in best.values()}
