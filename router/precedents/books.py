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
from router.precedents.frames import Precedent, mentioned
from router.precedents.kinds import Told
from router.precedents.leads import NEAR_ENOUGH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.retrieval.vectors import Vectors

# What one question alone names may be no name at all.
LEAST_NAMED = 3


Stand = tuple[str, int]
"""Where an answer stands: a folded sentence, and its start there."""


@dataclass(slots=True)
class Page:
    """The precedents of a document: of each the row of its vector, with what that is of, and how
    often what is named."""

    precedents: tuple[Precedent, ...]
    places: NDArray[np.int64]
    asked: tuple[str, ...]
    vectors: Vectors
    named: Counter[str]
    _completed: tuple[object, tuple[Precedent, ...]] | None = None

    def completed(self, known: frozenset[str], facts: Mapping[Stand, str]) -> tuple[Precedent, ...]:
        """With what others may have told: a name that a question has in a form that tells nothing,
        and which fact it asks for. The same objects while these are the same."""
        asked = tuple(facts.get((one.sentence, one.start), "") for one in self.precedents)
        if self._completed is None or self._completed[0] != (known, asked):
            each = zip(self.precedents, asked, strict=True)
            self._completed = (
                (known, asked),
                tuple(_complete(one, known, fact) for one, fact in each),
            )
        return self._completed[1]


def _complete(precedent: Precedent, known: frozenset[str], fact: str) -> Precedent:
    names = precedent.names or mentioned(precedent.question, known)
    is_told = bool(fact) or names != precedent.names
    return replace(precedent, names=names, fact=fact) if is_told else precedent


@dataclass(frozen=True, slots=True)
class Book:
    """The precedents of a collection, by its primary key, and of each the row of its vector; `told`
    has them by their sentence; `known` are the keys of the names that several of them have, and
    `things` of those that several are about alone: *Which Slack channel has it?* is not about
    Slack."""

    collection: int
    precedents: tuple[Precedent, ...]
    places: NDArray[np.int64]
    vectors: Vectors
    told: Told
    known: frozenset[str]
    things: frozenset[str] = frozenset()

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
    named: Counter[str] = Counter()
    for page in pages:
        named.update(page.named)
    known = frozenset(name for name, times in named.items() if times >= LEAST_NAMED)
    facts = facts_of(pages)
    precedents = tuple(one for page in pages for one in page.completed(known, facts))
    told: defaultdict[str, list[Precedent]] = defaultdict(list)
    for precedent in precedents:
        told[precedent.sentence].append(precedent)
    starts = np.cumsum([0, *(len(page.vectors) for page in pages)])
    places = [page.places + start for page, start in zip(pages, starts[:-1], strict=True)]
    vectors = np.concatenate([page.vectors for page in pages])
    # Kept beside the book, they would be there twice.
    for page, start, end in zip(pages, starts[:-1], starts[1:], strict=True):
        page.vectors = vectors[start:end]
    alone = Counter(name for one in precedents if len(one.names) == 1 for name in one.names)
    things = frozenset(name for name, times in alone.items() if times >= LEAST_NAMED)
    return Book(collection, precedents, np.concatenate(places), vectors, told, known, things)
