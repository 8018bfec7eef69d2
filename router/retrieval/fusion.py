"""How two rankings become one. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

# Reciprocal rank fusion, Cormack, Clarke and Büttcher, SIGIR 2009. A small K trusts the first
# places of each list more.
K = 60


def fuse(rankings: Sequence[Sequence[int]]) -> list[tuple[int, float]]:
    """The ids of all rankings, best first, with the share of the best score possible (0 to 1).

    The score of an id is the sum of 1 / (K + rank) over the rankings that hold it, ranks from 1.
    Equal scores are ordered by id, so that the same question has the same answer twice.
    """
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] += 1 / (K + rank)
    best_possible = len(rankings) / (K + 1)
    ordered = sorted(scores.items(), key=lambda scored: (-scored[1], scored[0]))
    return [(item, score / best_possible) for item, score in ordered]


def ranks(ranking: Iterable[int]) -> dict[int, int]:
    """The rank of each id, from 1."""
    return {item: rank for rank, item in enumerate(ranking, start=1)}
