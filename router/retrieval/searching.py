"""One search, from a text to passages that its asker may read."""

import time
from collections.abc import Collection as AbstractCollection
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings

from ingestion.models import Chunk, Collection, DocumentVersion, Reader
from ingestion.publication import current_revision
from router.retrieval import index
from router.retrieval.embeddings import EmbeddingsUnavailable, ServerEmbeddings
from router.retrieval.fusion import fuse, ranks
from router.retrieval.index import Snapshot
from router.retrieval.vectors import Vectors

MAX_LIMIT = 100
# Places of each ranking that take part in the fusion.
DEPTH = 50
# Publications that fall into a search let it start again, but not for ever.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found. `score` falls with the rank, from at most 1; `lexical_rank` and
    `dense_rank` count from 1, None: not found that way; `similarity` is the cosine between
    question and passage, None: unknown."""

    chunk: Chunk
    score: float
    lexical_rank: int | None
    dense_rank: int | None
    similarity: float | None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """`degraded`: no embedding server answered, the hits are found by words alone.
    `revision`: of the corpus that was searched. `ms`: of the whole search."""

    hits: list[Hit]
    ms: float
    degraded: bool
    revision: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    chunk_id: int
    score: float
    lexical_rank: int | None
    dense_rank: int | None


def search(
    text: str, *, user: Reader, collection: Collection | None = None, limit: int = 10
) -> SearchResult:
    """See `router.retrieval.search`."""
    started = time.perf_counter()
    question = _cut(text)
    limit = min(limit, MAX_LIMIT)
    if not question or limit < 1:
        return SearchResult([], _milliseconds_since(started), False, current_revision())
    vector = _vector(question)
    collections = _readable(user, collection)
    for _ in range(ATTEMPTS):
        snapshot = index.current().snapshot()
        candidates = _candidates(snapshot, question, vector, collections, limit)
        chosen = _still_served(candidates, collections)
        if len(chosen) == len(candidates) or current_revision() == snapshot.revision:
            break
    hits = _hits(_without_copies(candidates, chosen)[:limit], vector)
    return SearchResult(hits, _milliseconds_since(started), vector is None, snapshot.revision)


def _cut(text: str) -> str:
    """The first and the last part of a long text: a question stands at one of its ends."""
    plain = " ".join(text.encode(errors="replace").decode().split())
    half = settings.QUESTION_MAX_CHARACTERS // 2
    return plain if len(plain) <= 2 * half else f"{plain[:half]} {plain[-half:]}"


def _vector(question: str) -> Vectors | None:
    try:
        return ServerEmbeddings().one(question)
    except EmbeddingsUnavailable:
        return None


def _readable(user: Reader, collection: Collection | None) -> frozenset[int]:
    readable = Collection.objects.readable_by(user)
    if collection is not None:
        readable = readable.filter(pk=collection.pk)
    return frozenset(readable.order_by().values_list("pk", flat=True))


def _candidates(
    snapshot: Snapshot,
    question: str,
    vector: Vectors | None,
    collections: AbstractCollection[int],
    limit: int,
) -> list[_Candidate]:
    depth = max(DEPTH, 2 * limit)
    lexical = snapshot.words.search(question, collections=collections, limit=depth)
    dense: list[int] = []
    if vector is not None:
        nearest = snapshot.vectors.search(vector, collections=collections, limit=depth)
        dense = [chunk_id for chunk_id, _ in nearest]
    lexical_ranks, dense_ranks = ranks(lexical), ranks(dense)
    rankings = [lexical] if vector is None else [lexical, dense]
    return [
        _Candidate(chunk_id, score, lexical_ranks.get(chunk_id), dense_ranks.get(chunk_id))
        for chunk_id, score in fuse(rankings)
    ]


def _still_served(
    candidates: Sequence[_Candidate], collections: AbstractCollection[int]
) -> dict[int, tuple[str, str]]:
    """Title and content hash of those that the database, too, shows to this reader now."""
    chunks = Chunk.objects.filter(
        pk__in=[candidate.chunk_id for candidate in candidates],
        version__in=DocumentVersion.objects.served(),
        version__document__collection__in=collections,
    )
    fields = ("pk", "version__document__title", "content_hash")
    return {pk: (title, content) for pk, title, content in chunks.values_list(*fields)}


def _without_copies(
    candidates: Sequence[_Candidate], chosen: dict[int, tuple[str, str]]
) -> list[_Candidate]:
    """The best of those that say the same under the same title."""
    first: dict[tuple[str, str], _Candidate] = {}
    for candidate in candidates:
        if candidate.chunk_id in chosen:
            first.setdefault(chosen[candidate.chunk_id], candidate)
    return list(first.values())


def _hits(candidates: Sequence[_Candidate], vector: Vectors | None) -> list[Hit]:
    chunks = Chunk.objects.select_related("version__document__collection", "embedding").in_bulk(
        [candidate.chunk_id for candidate in candidates]
    )
    return [
        Hit(
            chunk=chunks[candidate.chunk_id],
            score=candidate.score,
            lexical_rank=candidate.lexical_rank,
            dense_rank=candidate.dense_rank,
            similarity=_similarity(chunks[candidate.chunk_id], vector),
        )
        for candidate in candidates
        if candidate.chunk_id in chunks
    ]


def _similarity(chunk: Chunk, vector: Vectors | None) -> float | None:
    embedding = getattr(chunk, "embedding", None)
    if vector is None or embedding is None or embedding.embedder != settings.EMBEDDINGS_MODEL:
        return None
    return float(np.frombuffer(embedding.vector, "<f4") @ vector)


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
