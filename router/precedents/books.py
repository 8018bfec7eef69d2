"""The precedents of a collection as a book, with a page for each document: an upload turns one page
and leaves the others as they are. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from router.cosines import cosines
from router.precedents.facts import Near
from router.precedents.frames import Precedent, asked_of, name_key, things_among, told_alone
from router.precedents.kinds import Told
from router.precedents.leads import NEAR_ENOUGH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.retrieval.vectors import Vectors

Stand = tuple[str, int]
"""Where an answer stands: a folded sentence, and its start there."""


@dataclass(slots=True)
class Page:
    """The precedents of a document: of each the row of its vector, with what that is of."""

    precedents: tuple[Precedent, ...]
    places: NDArray[np.int64]
    asked: tuple[str, ...]
    vectors: Vectors
    _alone: Counter[str] | None = None
    _spelled: str = ""
    _completed: tuple[object, tuple[Precedent, ...]] | None = None

    @property
    def alone(self) -> Counter[str]:
        """How often something is told of each name alone."""
        if self._alone is None:
            self._alone = told_alone(self.precedents)
        return self._alone

    def completed(
        self, things: frozenset[str], facts: Mapping[Stand, str]
    ) -> tuple[Precedent, ...]:
        """With what others may have told: what of a question's names are things, in whatever form
        it has them, and which fact it asks for. The same objects while these are the same."""
        self._spelled = self._spelled or "\n".join(
            name_key(one.question) for one in self.precedents
        )
        # Each upload may bring a thing, of which most pages have no word.
        things = frozenset(one for one in things if one in self._spelled)
        asked = tuple(facts.get((one.sentence, one.start), "") for one in self.precedents)
        if self._completed is None or self._completed[0] != (things, asked):
            each = zip(self.precedents, asked, strict=True)
            self._completed = (
                (things, asked),
                tuple(_complete(one, things, fact) for one, fact in each),
            )
        return self._completed[1]


def _complete(precedent: Precedent, things: frozenset[str], fact: str) -> Precedent:
    names = asked_of(precedent.question, precedent.names, things)
    if not fact and names == precedent.names:
        return precedent
    return replace(precedent, names=names, fact=fact, beside=precedent.names - names)


@dataclass(frozen=True, slots=True)
class Book:
    """The precedents of a collection, by its primary key, and of each the row of its vector; `told`
    has them by their sentence; `things` are the keys of what they are about."""

    collection: int
    precedents: tuple[Precedent, ...]
    places: NDArray[np.int64]
    vectors: Vectors
    told: Told
    things: frozenset[str]

    def near(self, vector: Vectors) -> list[Near]:
        """Those near enough to matter, the nearest first."""
        alike = cosines(self.vectors, vector)[self.places]
        near = np.flatnonzero(alike >= NEAR_ENOUGH)
        ranked = near[np.argsort(-alike[near], kind="stable")]
        return [(self.precedents[number], float(alike[number])) for number in ranked]


def facts_of(pages: Sequence[Page]) -> dict[Stand, str]:
    """What is told where that answered what people asked, by one of the questions for it.

    What is asked at one place is the same, and so is what is told at two where the same was asked,
    whatever it was asked about.
    """
    asked_at: dict[Stand, str] = {}
    same: dict[str, str] = {}
    for page in pages:
        for one, row in zip(page.precedents, page.places.tolist(), strict=True):
            if one.is_written:
                asked = page.asked[row]
                other = asked_at.setdefault((one.sentence, one.start), asked)
                same[_first(asked, same)] = _first(other, same)
    return {stand: _first(asked, same) for stand, asked in asked_at.items()}


def _first(asked: str, same: dict[str, str]) -> str:
    """The question that stands for all that are the `same` as this one."""
    first = asked
    while same.setdefault(first, first) != first:
        first = same[first]
    same[asked] = first
    return first


def bound(collection: int, pages: Sequence[Page]) -> Book | None:
    """The book of these pages, whose vectors are its own from then on; None: there are none."""
    if not pages:
        return None
    alone: Counter[str] = Counter()
    for page in pages:
        alone.update(page.alone)
    things = things_among(alone)
    facts = facts_of(pages)
    precedents = tuple(one for page in pages for one in page.completed(things, facts))
    told: defaultdict[str, list[Precedent]] = defaultdict(list)
    for precedent in precedents:
        told[precedent.sentence].append(precedent)
    starts = np.cumsum([0, *(len(page.vectors) for page in pages)])
    places = [page.places + start for page, start in zip(pages, starts[:-1], strict=True)]
    vectors = np.concatenate([page.vectors for page in pages])
    # Kept beside the book, they would be there twice.
    for page, start, end in zip(pages, starts[:-1], starts[1:], strict=True):
        page.vectors = vectors[start:end]
    return Book(collection, precedents, np.concatenate(places), vectors, told, things)
