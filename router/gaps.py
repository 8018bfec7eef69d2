"""What people ask in vain: questions that mean much the same, found by clustering. Pure."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from router.text import content_stems

Vectors = NDArray[np.float32]
"""One row for each question, of unit length, or zero for one that says nothing."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that was refused, or whose answer its asker disliked. `document` is that of the
    nearest passage, None where nothing was found."""

    text: str
    at: datetime
    refused: bool
    document: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions that ask for much the same. `wordings` are the different ones, the most typical
    first; `document` is the nearest to most of them."""

    wordings: Sequence[str]
    refused: int
    disliked: int
    last: datetime
    document: int | None

    @property
    def questions(self) -> int:
        return self.refused + self.disliked


def gaps(asked: Sequence[Unanswered], vectors: Vectors, *, alike: float) -> list[Gap]:
    """The clusters of questions, the largest first. `vectors` belong to them one by one."""
    return [
        _gap([asked[place] for place in _typical_first(places, vectors)])
        for places in clusters(vectors, alike=alike)
    ]


def clusters(vectors: Vectors, *, alike: float) -> list[list[int]]:
    """Places of rows whose mean cosine to each other is at least `alike`, larger clusters first.

    Average linkage: the two most alike join first, until none are alike enough. Time grows with
    the cube of the rows; 300 take 0.14 s.
    """
    members = [[place] for place in range(len(vectors))]
    similarity = (vectors @ vectors.T).astype(np.float64)
    np.fill_diagonal(similarity, -np.inf)
    while len(members) > 1:
        first, second = sorted(divmod(int(similarity.argmax()), len(members)))
        if similarity[first, second] < alike:
            break
        similarity = _joined(similarity, first, second, len(members[first]), len(members[second]))
        members[first] = sorted(members[first] + members.pop(second))
    return sorted(members, key=lambda places: (-len(places), places))


def word_vectors(texts: Sequence[str]) -> Vectors:
    """Vectors by content words alone, rare ones weighing more: log(1 + texts / those with it)."""
    stems = [content_stems(text) for text in texts]
    having = Counter(stem for of_text in stems for stem in of_text)
    columns = {stem: column for column, stem in enumerate(sorted(having))}
    vectors = np.zeros((len(texts), len(columns)), np.float32)
    for row, of_text in enumerate(stems):
        for stem in of_text:
            vectors[row, columns[stem]] = math.log(1 + len(texts) / having[stem])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, lengths, out=vectors, where=lengths > 0)
    return unit


def _joined(
    similarity: NDArray[np.float64], first: int, second: int, firsts: int, seconds: int
) -> NDArray[np.float64]:
    """With `second` taken into `first`: the mean over all pairs follows from those of the parts."""
    row = (firsts * similarity[first] + seconds * similarity[second]) / (firsts + seconds)
    similarity[first], similarity[:, first] = row, row
    similarity[first, first] = -np.inf
    return np.delete(np.delete(similarity, second, 0), second, 1)


def _typical_first(places: Sequence[int], vectors: Vectors) -> list[int]:
    """By the likeness to the mean of all of them."""
    likeness = vectors[places] @ vectors[places].mean(axis=0)
    return [places[number] for number in np.argsort(-likeness, kind="stable")]


def _gap(asked: Sequence[Unanswered]) -> Gap:
    nearest = Counter(one.document for one in asked if one.document is not None).most_common(1)
    refused = sum(one.refused for one in asked)
    wordings: dict[str, str] = {}
    for one in asked:
        wordings.setdefault(one.text.casefold(), one.text)
    return Gap(
        wordings=list(wordings.values()),
        refused=refused,
        disliked=len(asked) - refused,
        last=max(one.at for one in asked),
        document=nearest[0][0] if nearest else None,
    )
