"""The precedents of each document, with the vectors of their questions."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db.models import Count, Max, QuerySet, Sum

from ingestion.models import Collection, Document, Reader
from router.evidence.claims import literal_pattern
from router.models import Precedents
from router.precedents.books import Book, Page, bound
from router.precedents.frames import (
    Precedent,
    about_it,
    asked_of,
    names_of,
    things_among,
    told_alone,
)
from router.text import fold

if TYPE_CHECKING:
    from router.retrieval.vectors import Vectors

logger = logging.getLogger(__name__)

# Of a document, and of a collection: 30 MB of vectors, where no two ask the same.
MOST = 20_000
# Collections whose precedents a process keeps at hand.
AT_HAND = 16
# Documents whose precedents are read at once.
_READ_AT_ONCE = 50
# 40 bits: the marks of a million documents add up to less than 63.
_MARK_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answer and the sentence that says it."""

    question: str
    answer: str
    sentence: str
    is_written: bool


def keep(
    document: Document,
    answered: Iterable[Answered],
    *,
    pairs: str,
    made: dict[str, Vectors],
) -> None:
    """Store those of the first `MOST` whose sentence has their answer, in place of those that were.

    `pairs` tells from which pairs they were made. Vectors that are there already or in `made`, by
    their text, are not made again; `made` gets the others. Raises `EmbeddingsUnavailable`.
    """
    rows = _rows(islice(answered, MOST))
    # Of what is compared, many are the same: it says `it` for every name.
    asked = list(dict.fromkeys(str(row["asked"]) for row in rows))
    vectors = _vectors(document, asked, made).astype("<f4").tobytes()
    sha256 = _digest(rows, asked, vectors)
    Precedents.objects.update_or_create(
        document=document,
        defaults={
            "embedder": settings.PARAPHRASE_MODEL,
            "rows": rows,
            "asked": asked,
            "vectors": vectors,
            "sha256": sha256,
            "mark": int(sha256[:_MARK_DIGITS], 16),
            "pairs": pairs,
            "size": len(rows),
            "has_written": any(row["is_written"] for row in rows),
        },
    )


def books_for(user: Reader, collections: Iterable[int]) -> list[Book]:
    """Those of the collections, by their primary keys, that `user` may read. One query, while they
    stay as they are."""
    readable = Collection.objects.readable_by(user).filter(pk__in=set(collections))
    kept = _kept().filter(document__collection__in=readable).order_by()
    states = kept.values_list("document__collection").annotate(Count("pk"), Max("pk"), Sum("mark"))
    books = [_at_hand(collection).book(tuple(state)) for collection, *state in states]
    return [book for book in books if book]


def made_from(user: Reader) -> list[tuple[int, str]]:
    """Of each document whose precedents `user` may read, by its primary key, from which pairs they
    were made. One query."""
    readable = Collection.objects.readable_by(user)
    kept = _kept().filter(document__collection__in=readable)
    return list(kept.order_by("document").values_list("document", "pairs"))


@dataclass(slots=True)
class _AtHand:
    """The newest precedents of a collection, by its primary key: each upload brings others, and
    those of before would stay in memory."""

    collection: int
    state: tuple[int, ...] | None = None
    newest: Book | None = None
    pages: dict[str, Page] = field(default_factory=dict)
    turning: Lock = field(default_factory=Lock)

    def book(self, state: tuple[int, ...]) -> Book | None:
        """As it was at `state` or later: how many documents have some, the latest key, which tells
        of one that was made anew, and the sum of their marks."""
        with self.turning:
            if self.state != state:
                self.pages = _pages(self.collection, self.pages)
                self.newest = bound(self.collection, list(self.pages.values()))
                self.state = state
            return self.newest


@lru_cache(maxsize=AT_HAND)
def _at_hand(collection: int) -> _AtHand:
    return _AtHand(collection)


def _kept() -> QuerySet[Precedents]:
    return Precedents.objects.filter(embedder=settings.PARAPHRASE_MODEL)


def _pages(collection: int, before: dict[str, Page]) -> dict[str, Page]:
    """At most `MOST` precedents, by their digests: of documents that people wrote some of first,
    then the newest. Those of `before` are not read again."""
    kept = _kept().filter(document__collection=collection, size__gt=0)
    sizes = kept.order_by("-has_written", "-pk").values_list("sha256", "size")
    chosen, left = [], MOST
    for sha256, size in sizes:
        if size <= left:
            chosen.append(sha256)
            left -= size
    new = kept.filter(sha256__in=[one for one in chosen if one not in before])
    read = before | {
        one.sha256: _page(one) for one in new.iterator(_READ_AT_ONCE) if _is_usable(one)
    }
    # One that is replaced this very moment is missed by one question.
    return {sha256: read[sha256] for sha256 in chosen if sha256 in read}


def _is_usable(kept: Precedents) -> bool:
    if is_intact(kept):
        return True
    logger.warning("%s are not as they were kept; `check_integrity` makes them anew.", kept)
    return False


def _page(kept: Precedents) -> Page:
    place_of = {asked: place for place, asked in enumerate(kept.asked)}
    return Page(
        precedents=tuple(map(_precedent, kept.rows)),
        places=np.array([place_of[row["asked"]] for row in kept.rows], np.int64),
        asked=tuple(kept.asked),
        vectors=np.frombuffer(kept.vectors, "<f4").reshape(len(kept.asked), -1),
    )


def is_intact(kept: Precedents) -> bool:
    """Whether they are as they were stored."""
    return kept.sha256 == _digest(kept.rows, kept.asked, bytes(kept.vectors))


def _digest(rows: Sequence[object], asked: Sequence[str], vectors: bytes) -> str:
    # PostgreSQL keeps the fields of a row in an order of its own.
    told = json.dumps([rows, asked], sort_keys=True).encode()
    return hashlib.sha256(told + vectors).hexdigest()


def _rows(answered: Iterable[Answered]) -> list[dict[str, object]]:
    """As they are stored, without those whose sentence does not hold the answer."""
    told = [precedent for one in answered if (precedent := _told(one))]
    things = things_among(told_alone(told))
    return [
        {
            "question": one.question,
            "asked": about_it(one.question, asked_of(one.question, one.names, things)),
            "names": sorted(one.names),
            "answer": one.answer,
            "sentence": one.sentence,
            "start": one.start,
            "end": one.end,
            "is_written": one.is_written,
        }
        for one in told
    ]


def _told(one: Answered) -> Precedent | None:
    """None: the sentence does not hold the answer."""
    sentence = fold(one.sentence).text
    place = literal_pattern(one.answer).search(sentence)
    if place is None:
        return None
    names = names_of(one.question)
    return Precedent(one.question, names, one.answer, sentence, *place.span(), one.is_written)


def _precedent(row: dict[str, Any]) -> Precedent:
    places = {name: row[name] for name in ("question", "answer", "sentence", "start", "end")}
    return Precedent(**places, names=frozenset(row["names"]), is_written=row["is_written"])


def _vectors(document: Document, asked: Sequence[str], made: dict[str, Vectors]) -> Vectors:
    """One row of unit length for each. Raises `EmbeddingsUnavailable`."""
    from router.retrieval.embeddings import ServerEmbeddings

    known = _kept().filter(document=document).first()
    if known is not None and known.asked and is_intact(known):
        before = np.frombuffer(known.vectors, "<f4").reshape(len(known.asked), -1)
        made |= dict(zip(known.asked, before, strict=True))
    new = [text for text in asked if text not in made]
    made |= dict(zip(new, ServerEmbeddings(settings.PARAPHRASE_MODEL).batch(new), strict=True))
    return np.array([made[text] for text in asked], np.float32)
