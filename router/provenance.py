"""What a tuned model was taught of the passages that a question finds. All of it is asked of the
database, so that an edit, a deletion or a permission counts from the moment it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import Exists, Max, OuterRef, Q, Subquery

from ingestion.models import Chunk, Collection, DocumentVersion
from router.cosines import cosines
from router.edits import kept_sentences
from router.models import ChunkEmbedding, ModelCoverage, ModelVersion
from router.prompts import passage_of
from router.quoting import BELIEVED
from router.signals import EVIDENCE, Ground, Signals

if TYPE_CHECKING:
    from router.prompts import Passage
    from router.relevance import Relevance
    from router.retrieval.searching import Hit, SearchResult
    from router.retrieval.vectors import Vectors

# Documents whose earlier text is compared with the question.
DOCUMENTS = 3
# Places in its document by which edits elsewhere may have moved a passage.
MOVED = 16
# Of how likely a sentence that stands is the answer, what one that went must be to count.
LEAST_OF_STANDING = 0.5
_OF_LINES = (Chunk.Kind.TABLE, Chunk.Kind.LIST)


@dataclass(frozen=True, slots=True)
class _Learned:
    """The text of a passage that a model was taught: its own, of which all is `known`, or that
    before an edit, of which it kept these sentences. With the pairs about it, and their held-out
    exact match."""

    content_hash: str
    known: bool
    kept: tuple[int, ...]
    pairs: int
    heldout: float | None


@dataclass(frozen=True, slots=True)
class _Taught:
    """A text that a model was taught, and where it stood."""

    document: int
    headings: list[str]
    position: int
    content_hash: str
    text: str
    pairs: int
    heldout: float | None

    def is_about_the_place_of(self, chunk: Chunk) -> bool:
        return (
            self.document == chunk.version.document_id
            and self.headings == chunk.heading_path
            and abs(self.position - chunk.position) <= MOVED
        )


_NOTHING = _Learned("", known=False, kept=(), pairs=0, heldout=None)


def signals_of(model: str, found: SearchResult, relevance: Relevance) -> Signals:
    """What is known of the passages found, and of what `model`, by its name, was taught of them.

    `relevance` is that to the question; no sentence is looked at unless an earlier text fits better
    than the best passage.
    """
    of_hits = grounds(model, found.hits)
    documents = [ground.document for ground in of_hits]
    gone = _gone(model, documents, found.vector)
    if gone and of_hits[0].is_taught:
        best = passage_of(found.hits[0].chunk)
        gone = _without_answers_that_stand(gone, of_hits[0].similarity or 0.0, best, relevance)
    return Signals(grounds=of_hits, model=model, superseded=max(gone.values(), default=None))


def looked_at(signals: Signals, found: SearchResult, relevance: Relevance) -> Signals:
    """The same with which passage has the sentence that is likeliest the answer. The others are
    only looked at where none of the very first is likelier than not, those behind the first few
    where none of these is."""
    steps = (1, EVIDENCE, len(found.hits))
    return signals.with_likelihoods(relevance.among(found.passages, *steps))


def grounds(model: str, hits: Sequence[Hit]) -> tuple[Ground, ...]:
    """What `model`, by its name, was taught of each hit. No query without a model, two where it was
    taught all of them, and one more where it was not."""
    covered = _covered(model, {hit.chunk.content_hash for hit in hits})
    others = [hit.chunk for hit in hits if hit.chunk.content_hash not in covered]
    edited = _edited(model, others) if model and others else {}
    stays = _stays_on_rag(model)
    return tuple(
        _ground(
            hit,
            covered.get(hit.chunk.content_hash) or edited.get(hit.chunk.pk) or _NOTHING,
            stays,
        )
        for hit in hits
    )


def _stays_on_rag(model: str) -> frozenset[str]:
    """The slugs of the collections that passages answered better when `model` was judged."""
    if not model:
        return frozenset()
    metrics = ModelVersion.objects.filter(name=model).values_list("metrics", flat=True).first()
    return frozenset((metrics or {}).get("stays_on_rag", ()))


def _covered(model: str, hashes: Iterable[str]) -> dict[str, _Learned]:
    if not model:
        return {}
    rows = ModelCoverage.objects.filter(model__name=model, content_hash__in=list(hashes))
    return {
        content: _Learned(content, True, (), pairs, heldout)
        for content, pairs, heldout in rows.values_list("content_hash", "pairs", "heldout_exact")
    }


def _edited(model: str, chunks: Sequence[Chunk]) -> dict[int, _Learned]:
    """By the passage's primary key, what `model` was taught of it before it was edited: sentences
    that stood in its document about there, under the same headings."""
    texts = _taught_about(model, chunks)
    found = {}
    for chunk in chunks:
        there = [one for one in texts if one.is_about_the_place_of(chunk)]
        if kept := _kept(chunk, there):
            nearest = max(there, key=lambda one: len(_kept(chunk, [one])))
            found[chunk.pk] = _Learned(
                nearest.content_hash, False, kept, nearest.pairs, nearest.heldout
            )
    return found


def _kept(chunk: Chunk, texts: Iterable[_Taught]) -> tuple[int, ...]:
    earlier = [one.text for one in texts]
    return kept_sentences(chunk.text, earlier, of_lines=chunk.kind in _OF_LINES)


def _taught_about(model: str, chunks: Iterable[Chunk]) -> list[_Taught]:
    """What stood in any version about the places of the chunks, and `model` was taught."""
    places = Q()
    for chunk in chunks:
        around = (chunk.position - MOVED, chunk.position + MOVED)
        places |= Q(version__document=chunk.version.document_id, position__range=around)
    coverage = ModelCoverage.objects.filter(
        model__name=model, content_hash=OuterRef("content_hash")
    )
    rows = (
        Chunk.objects.filter(places)
        .annotate(
            pairs=Subquery(coverage.values("pairs")),
            heldout=Subquery(coverage.values("heldout_exact")),
        )
        .filter(pairs__isnull=False)
        .order_by("content_hash", "position")
    )
    fields = ("version__document", "heading_path", "position", "content_hash", "text")
    return [_Taught(*row) for row in rows.values_list(*fields, "pairs", "heldout").distinct()]


def _ground(hit: Hit, learned: _Learned, stays_on_rag: AbstractSet[str]) -> Ground:
    document = hit.chunk.version.document
    collection = document.collection
    return Ground(
        document=document.pk,
        known=learned.known,
        kept=learned.kept,
        learned=learned.content_hash,
        pairs=learned.pairs,
        heldout=learned.heldout,
        rag_only=collection.policy == Collection.Policy.RAG_ONLY or collection.slug in stays_on_rag,
        score=hit.score,
        lexical_rank=hit.lexical_rank,
        dense_rank=hit.dense_rank,
        similarity=hit.similarity,
    )


def _gone(model: str, documents: Iterable[int], question: Vectors | None) -> dict[int, float]:
    """The cosine of `question` with each text that `model` was taught of the first few `documents`
    and that no longer stands in them, by its newest chunk. One query."""
    chosen = list(dict.fromkeys(documents))[:DOCUMENTS]
    if not model or question is None or not chosen:
        return {}
    # By joins, not by `served()`: that would list the served versions of all documents.
    still_there = Chunk.objects.filter(
        content_hash=OuterRef("chunk__content_hash"),
        version__document=OuterRef("chunk__version__document"),
        version__published_revision__isnull=False,
        version__withdrawn_revision__isnull=True,
    )
    taught = ModelCoverage.objects.filter(
        model__name=model, content_hash=OuterRef("chunk__content_hash"), pairs__gt=0
    )
    gone = ChunkEmbedding.objects.of_settings().filter(
        Exists(taught),
        ~Exists(still_there),
        chunk__version__document__in=chosen,
        chunk__version__withdrawn_revision__isnull=False,
    )
    # A text may have stood in hundreds of versions, each with a vector of its own.
    texts = gone.values("chunk__version__document", "chunk__content_hash")
    newest = texts.annotate(newest=Max("chunk")).values("newest")
    vectors = ChunkEmbedding.objects.filter(pk__in=newest).values_list("pk", "vector")
    return {chunk: float(cosines(np.frombuffer(raw, "<f4"), question)) for chunk, raw in vectors}


def _without_answers_that_stand(
    gone: Mapping[int, float], similarity: float, best: Passage, relevance: Relevance
) -> dict[int, float]:
    """Less those at least as similar to the question of which nothing went that may be its answer,
    where `best` may have it: an edit elsewhere in them changes nothing for who asks."""
    nearer = [chunk for chunk, cosine in gone.items() if cosine >= similarity]
    if not nearer:
        return dict(gone)
    texts = Chunk.objects.filter(pk__in=nearer).select_related("version__document")
    stands = max(relevance.of([best]).values(), default=0.0)
    least = max(BELIEVED, LEAST_OF_STANDING * stands)
    standing = {chunk.pk for chunk in texts if not _has_lost_an_answer(chunk, least, relevance)}
    return {chunk: cosine for chunk, cosine in gone.items() if chunk not in standing}


def _has_lost_an_answer(chunk: Chunk, least: float, relevance: Relevance) -> bool:
    """Whether one of its sentences is the answer with a likelihood of `least` and stands in its
    place no more; so it is taken to have where nobody knows which is likely."""
    likely = relevance.of([passage_of(chunk)])
    if not likely:
        return True
    around = (chunk.position - MOVED, chunk.position + MOVED)
    served = DocumentVersion.objects.served().filter(document=chunk.version.document_id)
    there = Chunk.objects.filter(version__in=served, position__range=around)
    texts = [one.text for one in there if one.heading_path == chunk.heading_path]
    kept = kept_sentences(chunk.text, texts, of_lines=chunk.kind in _OF_LINES)
    return any(
        probability >= least
        for (_, sentence), probability in likely.items()
        if sentence not in kept
    )
