"""The precedents of each collection, with the vectors of their questions."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from ingestion import tracing
from ingestion.models import Collection, Reader
from router.cosines import cosines
from router.evidence.claims import literal_pattern
from router.models import Precedents
from router.precedents.frames import Precedent, mentioned, names_of, without_names
from router.precedents.kinds import Told, kin_of, only_value
from router.precedents.settling import (
    LEAST_MARGIN,
    LEAST_SCORE,
    Near,
    Settled,
    overlap,
    settle,
    subject_of,
)
from router.text import fold

if TYPE_CHECKING:
    from router.prompts import Passage
    from router.retrieval.vectors import Vectors

logger = logging.getLogger(__name__)

# Of a collection: 30 MB of vectors, where no two ask the same.
MOST = 20_000
# Collections whose precedents a process keeps at hand.
AT_HAND = 16
# What one question alone names may be no name at all.
LEAST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answer and the sentence that says it."""

    question: str
    answer: str
    sentence: str
    is_written: bool


def keep(collection: Collection, answered: Iterable[Answered], *, pairs: str) -> None:
    """Store the first `MOST` of those whose sentence has their answer, in place of those that
    were.

    `pairs` tells from which pairs they were made. Vectors that are there already are not made
    again. Raises `EmbeddingsUnavailable`.
    """
    rows = list(islice(filter(None, map(_row, answered)), MOST))
    # Of what is compared, many are the same: it says `it` for every name.
    asked = list(dict.fromkeys(str(row["asked"]) for row in rows))
    vectors = _vectors(collection, asked).astype("<f4").tobytes()
    Precedents.objects.update_or_create(
        collection=collection,
        defaults={
            "embedder": settings.PARAPHRASE_MODEL,
            "rows": rows,
            "asked": asked,
            "vectors": vectors,
            "sha256": _digest(rows, asked, vectors),
            "pairs": pairs,
        },
    )


@dataclass(frozen=True, slots=True)
class Book:
    """The precedents of a collection, by its primary key. `of_asked` are their numbers by that of
    their vector; `told` are those that people wrote, by their sentence; `known` are the keys of the
    names that several of them have."""

    collection: int
    precedents: tuple[Precedent, ...]
    of_asked: tuple[tuple[int, ...], ...]
    vectors: Vectors
    told: Told
    known: frozenset[str]

    def near(self, vector: Vectors) -> list[Near]:
        """Those near enough to matter, the nearest first."""
        alike = cosines(self.vectors, vector)
        near = np.flatnonzero(alike >= LEAST_SCORE - LEAST_MARGIN)
        return [
            (self.precedents[number], float(alike[place]))
            for place in near[np.argsort(-alike[near], kind="stable")]
            for number in self.of_asked[place]
        ]


def books_for(user: Reader, collections: Iterable[int]) -> list[Book]:
    """Those of the collections, by their primary keys, that `user` may read. One query, while they
    stay as they are."""
    readable = Collection.objects.readable_by(user).filter(pk__in=set(collections))
    kept = Precedents.objects.filter(collection__in=readable, embedder=settings.PARAPHRASE_MODEL)
    books = []
    for pk, sha256 in kept.values_list("pk", "sha256"):
        # One that is replaced this very moment is missed by one question.
        with suppress(Precedents.DoesNotExist):
            books.append(_at_hand(pk).book(sha256))
    return [book for book in books if book.precedents]


@tracing.span("precedent")
def settled(
    question: str, passages: Sequence[Passage], collections: Sequence[int], books: Sequence[Book]
) -> list[Settled]:
    """What the precedents of `books` make of a question, the surest first: the only value of the
    kind that they were, and the one that is said in the words of one before, or what both are. Asks
    no database.

    `collections` are those of the passages: one is held against precedents of its own, so that who
    may read it may read the question that was answered before. Empty as well while no embedding
    server answers.
    """
    if not books or not passages:
        return []
    # The web process starts without the client's libraries.
    from router.retrieval.embeddings import EmbeddingsUnavailable, ServerEmbeddings

    known = frozenset[str]().union(*(book.known for book in books))
    try:
        vector = ServerEmbeddings(settings.PARAPHRASE_MODEL).one(without_names(question, known))
    except EmbeddingsUnavailable:
        return []
    subject = subject_of(question, passages, known)
    near = {book.collection: book.near(vector) for book in books}
    kin = {one.collection: kin_of(near[one.collection], one.told, subject) for one in books}
    only = only_value(subject, passages, [kin.get(one) for one in collections])
    said = settle(subject, passages, [near.get(one, []) for one in collections])
    if only and said and overlap(only, said):
        return [replace(only, question=said.question, is_only=False, is_agreed=True)]
    return [one for one in (only, said) if one]


@dataclass(slots=True)
class _AtHand:
    """The newest precedents of a collection, by the primary key of their row: each upload brings
    others, and those of before would stay in memory."""

    pk: int
    newest: tuple[str, Book] | None = None

    def book(self, sha256: str) -> Book:
        """Those of this digest; raises `Precedents.DoesNotExist`."""
        newest = self.newest
        if newest is None or newest[0] != sha256:
            # Two would be there while the new ones are read.
            self.newest = None
            newest = self.newest = sha256, _read(self.pk, sha256)
        return newest[1]


@lru_cache(maxsize=AT_HAND)
def _at_hand(pk: int) -> _AtHand:
    return _AtHand(pk)


def _read(pk: int, sha256: str) -> Book:
    kept = Precedents.objects.get(pk=pk, sha256=sha256)
    is_whole = is_intact(kept)
    if not is_whole:
        logger.warning("%s are not as they were kept; `check_integrity` makes them anew.", kept)
    if not is_whole or not kept.rows:
        return Book(kept.collection_id, (), (), np.empty((0, 0), np.float32), {}, frozenset())
    named = Counter(name for row in kept.rows for name in row["names"])
    known = frozenset(name for name, times in named.items() if times >= LEAST_NAMED)
    precedents = tuple(_precedent(row, known) for row in kept.rows)
    places = {asked: place for place, asked in enumerate(kept.asked)}
    of_asked: list[list[int]] = [[] for _ in places]
    for number, row in enumerate(kept.rows):
        of_asked[places[row["asked"]]].append(number)
    vectors = np.frombuffer(kept.vectors, "<f4").reshape(len(kept.asked), -1)
    told: defaultdict[str, list[Precedent]] = defaultdict(list)
    for precedent in precedents:
        if precedent.is_written:
            told[precedent.sentence].append(precedent)
    return Book(kept.collection_id, precedents, tuple(map(tuple, of_asked)), vectors, told, known)


def is_intact(kept: Precedents) -> bool:
    """Whether they are as they were stored."""
    return kept.sha256 == _digest(kept.rows, kept.asked, bytes(kept.vectors))


def _digest(rows: Sequence[object], asked: Sequence[str], vectors: bytes) -> str:
    # PostgreSQL keeps the fields of a row in an order of its own.
    told = json.dumps([rows, asked], sort_keys=True).encode()
    return hashlib.sha256(told + vectors).hexdigest()


def _row(one: Answered) -> dict[str, object] | None:
    """As it is stored; None: the sentence does not hold the answer."""
    sentence = fold(one.sentence).text
    place = literal_pattern(one.answer).search(sentence)
    if place is None:
        return None
    return {
        "question": one.question,
        "asked": without_names(one.question, frozenset()),
        "names": sorted(names_of(one.question)),
        "answer": one.answer,
        "sentence": sentence,
        "start": place.start(),
        "end": place.end(),
        "is_written": one.is_written,
    }


def _precedent(row: dict[str, Any], known: frozenset[str]) -> Precedent:
    """Where its question has a name in a form that tells nothing, others may have told it."""
    places = {name: row[name] for name in ("question", "answer", "sentence", "start", "end")}
    names = frozenset(row["names"]) or mentioned(row["question"], known)
    return Precedent(**places, names=names, is_written=row["is_written"])


def _vectors(collection: Collection, asked: Sequence[str]) -> Vectors:
    """One row of unit length for each. Raises `EmbeddingsUnavailable`."""
    from router.retrieval.embeddings import ServerEmbeddings

    made: dict[str, Vectors] = {}
    kept = Precedents.objects.filter(collection=collection, embedder=settings.PARAPHRASE_MODEL)
    if (known := kept.first()) is not None and known.asked and is_intact(known):
        before = np.frombuffer(known.vectors, "<f4").reshape(len(known.asked), -1)
        made = dict(zip(known.asked, before, strict=True))
    new = [text for text in asked if text not in made]
    made |= dict(zip(new, ServerEmbeddings(settings.PARAPHRASE_MODEL).batch(new), strict=True))
    return np.array([made[text] for text in asked], np.float32)
