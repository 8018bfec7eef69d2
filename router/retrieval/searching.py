"""One search, from a text to passages that its asker may read."""

import math
import time
from collections import Counter
from collections.abc import Collection as AbstractCollection
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

import numpy as np
from django.conf import settings

from ingestion import tracing
from ingestion.models import Chunk, Collection, DocumentVersion, Reader
from ingestion.publication import current_revision
from router.cosines import cosines
from router.prompts import Passage, passage_of
from router.retrieval import corpus, index
from router.retrieval.chunk_vectors import text_of
from router.retrieval.embeddings import EmbeddingsUnavailable, ServerEmbeddings
from router.retrieval.fusion import Place, Ranking, arrange, blend
from router.retrieval.index import Snapshot
from router.retrieval.vectors import Vectors
from router.text import content_stems
from router.verification import named_first

MAX_LIMIT = 100
# Places of each ranking that take part in the fusion.
DEPTH = 50
# Of so many of the best passages those that name what the question names come first.
NAMED_AMONG = 24


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


@dataclass(frozen=True)
class SearchResult:
    """`degraded`: no embedding server answered, the hits are found by words alone. `behind`: the
    index could not be brought up to date, what was changed lately may be missing.
    `revision`: of the corpus that was searched. `ms`: of the whole search. `vector`: of the
    question, None if degraded."""

    hits: list[Hit]
    ms: float
    degraded: bool
    revision: int
    vector: Vectors | None = None
    behind: bool = False

    @cached_property
    def passages(self) -> list[Passage]:
        """The hits as models and the check read them."""
        return [passage_of(hit.chunk) for hit in self.hits]

    @property
    def collections(self) -> list[int]:
        """The primary key of each hit's."""
        return [hit.chunk.version.document.collection_id for hit in self.hits]


@dataclass(frozen=True, slots=True)
class _Rankings:
    """What the index found; `dense` is None without a vector of the question."""

    lexical: Ranking
    dense: Ranking | None
    depth: int

    def scores(self) -> dict[int, float]:
        return blend(self.lexical, self.dense, depth=self.depth)


@tracing.span("retrieve")
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
    degraded = vector is None
    collections = _readable(user, collection)
    try:
        with tracing.span("index"):
            snapshot = index.current().snapshot()
    except OSError:
        ms, revision = _milliseconds_since(started), current_revision()
        return SearchResult([], ms, degraded, revision, vector, behind=True)
    rankings = _rankings(snapshot, question, vector, collections, max(DEPTH, 2 * limit))
    with tracing.span("join"):
        scores = rankings.scores()
        places = _places(scores, collections, snapshot.revision)
        best = arrange(scores, places, max(limit, NAMED_AMONG))
        hits = _named_first(question, _hits(best, rankings, vector))[:limit]
    revision, behind = snapshot.revision, snapshot.is_behind
    tracing.note(hits=len(hits), degraded=degraded, behind=behind, revision=revision)
    return SearchResult(hits, _milliseconds_since(started), degraded, revision, vector, behind)


@tracing.span("retrieve version")
def search_version(
    version: DocumentVersion, text: str, *, vector: Vectors | None, limit: int
) -> list[Hit]:
    """See `router.retrieval.search_version`."""
    chunks = version.chunks.select_related("version__document", "embedding").in_bulk()
    lexical = _by_words(text, {pk: text_of(chunk) for pk, chunk in chunks.items()})
    cosines = {pk: _similarity(chunk, vector) for pk, chunk in chunks.items()}
    dense = _best_first({pk: cosine for pk, cosine in cosines.items() if cosine is not None})
    rankings = _Rankings(lexical, dense or None, depth=len(chunks) + 1)
    places = {
        pk: Place(version.pk, chunk.position, chunk.content_hash) for pk, chunk in chunks.items()
    }
    return _hits(arrange(rankings.scores(), places, limit), rankings, vector)


def _by_words(text: str, passages: Mapping[int, str]) -> Ranking:
    """The passages with words of `text`, a word that few of them have weighing more."""
    wanted = content_stems(text)
    having = {pk: content_stems(passage) & wanted for pk, passage in passages.items()}
    count = Counter(stem for stems in having.values() for stem in stems)
    weigh = {stem: math.log(1 + len(passages) / times) for stem, times in count.items()}
    scores = {pk: sum(weigh[stem] for stem in stems) for pk, stems in having.items() if stems}
    return _best_first(scores)


def _best_first(scores: Mapping[int, float]) -> Ranking:
    return sorted(scores.items(), key=lambda scored: (-scored[1], scored[0]))


def _cut(text: str) -> str:
    """The first and the last part of a long text: a question stands at one of its ends."""
    plain = " ".join(text.encode(errors="replace").decode().split())
    half = settings.QUESTION_MAX_CHARACTERS // 2
    return plain if len(plain) <= 2 * half else f"{plain[:half]} {plain[-half:]}"


@tracing.span("embed")
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


def _rankings(
    snapshot: Snapshot,
    question: str,
    vector: Vectors | None,
    collections: AbstractCollection[int],
    depth: int,
) -> _Rankings:
    with tracing.span("words"):
        lexical = snapshot.words.search(question, collections, depth)
    if vector is None:
        return _Rankings(lexical, None, depth)
    with tracing.span("vectors"):
        return _Rankings(lexical, snapshot.vectors.search(vector, collections, depth), depth)


def _places(
    chunk_ids: Iterable[int], collections: AbstractCollection[int], revision: int
) -> dict[int, Place]:
    """Those that the database, too, shows to this reader; titles belong to the content.

    As of the revision that was searched: what is published meanwhile must not take away the
    version that this search found before it.
    """
    chunks = corpus.chunks_served_at(revision).filter(
        pk__in=list(chunk_ids), version__document__collection__in=collections
    )
    fields = ("pk", "version_id", "position", "content_hash", "version__document__title")
    return {
        chunk: Place(version, position, f"{content} {title}")
        for chunk, version, position, content, title in chunks.values_list(*fields)
    }


def _hits(chosen: Ranking, rankings: _Rankings, vector: Vectors | None) -> list[Hit]:
    chunks = Chunk.objects.select_related("version__document__collection", "embedding").in_bulk(
        [chunk_id for chunk_id, _ in chosen]
    )
    lexical, dense = _ranks(rankings.lexical), _ranks(rankings.dense or ())
    return [
        Hit(
            chunk=chunks[chunk_id],
            score=score,
            lexical_rank=lexical.get(chunk_id),
            dense_rank=dense.get(chunk_id),
            similarity=_similarity(chunks[chunk_id], vector),
        )
        for chunk_id, score in chosen
        if chunk_id in chunks
    ]


def _named_first(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """What is told of something else answers nothing, however much it is worded like the question;
    behind what names it, its score is at most that."""
    passages = [passage_of(hit.chunk) for hit in hits]
    ordered = [hits[number] for number in named_first(question, passages)]
    scores = accumulate((hit.score for hit in ordered), min)
    return [replace(hit, score=score) for hit, score in zip(ordered, scores, strict=True)]


def _ranks(ranking: Ranking) -> dict[int, int]:
    return {chunk_id: rank for rank, (chunk_id, _) in enumerate(ranking, start=1)}


def _similarity(chunk: Chunk, vector: Vectors | None) -> float | None:
    embedding = getattr(chunk, "embedding", None)
    if vector is None or embedding is None or embedding.embedder != settings.EMBEDDINGS_MODEL:
        return None
    if len(embedding.vector) != vector.nbytes:
        return None
    return float(cosines(np.frombuffer(embedding.vector, "<f4"), vector))


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
