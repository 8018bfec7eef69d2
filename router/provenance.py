"""What a tuned model was taught of the passages that a question finds. Only questions to the
database, so that an edit, a deletion or a permission counts from the moment it is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.db.models import Exists, OuterRef

from ingestion.models import Chunk, Collection
from router.models import ChunkEmbedding, ModelCoverage
from router.signals import Ground, Signals

if TYPE_CHECKING:
    from router.retrieval.searching import Hit, SearchResult
    from router.retrieval.vectors import Vectors

# Documents whose earlier text is compared with the question.
DOCUMENTS = 3


def signals_of(model: str, found: SearchResult) -> Signals:
    """What is known of the passages found, and of what `model`, by its name, was taught of them."""
    of_hits = grounds(model, found.hits)
    documents = [ground.document for ground in of_hits]
    superseded = superseded_similarity(model, documents, found.vector)
    return Signals(grounds=of_hits, model=model, superseded=superseded)


def grounds(model: str, hits: Sequence[Hit]) -> tuple[Ground, ...]:
    """What `model`, by its name, was taught of each hit. One query; none without a model."""
    covered = _covered(model, {hit.chunk.content_hash for hit in hits})
    return tuple(_ground(hit, covered.get(hit.chunk.content_hash)) for hit in hits)


def _covered(model: str, hashes: Iterable[str]) -> dict[str, tuple[int, float | None]]:
    if not model:
        return {}
    rows = ModelCoverage.objects.filter(model__name=model, content_hash__in=list(hashes))
    return {
        content: (pairs, heldout)
        for content, pairs, heldout in rows.values_list("content_hash", "pairs", "heldout_exact")
    }


def _ground(hit: Hit, covered: tuple[int, float | None] | None) -> Ground:
    pairs, heldout = covered or (0, None)
    document = hit.chunk.version.document
    return Ground(
        document=document.pk,
        known=covered is not None,
        pairs=pairs,
        heldout=heldout,
        rag_only=document.collection.policy == Collection.Policy.RAG_ONLY,
        score=hit.score,
        lexical_rank=hit.lexical_rank,
        dense_rank=hit.dense_rank,
        similarity=hit.similarity,
    )


def superseded_similarity(
    model: str, documents: Iterable[int], question: Vectors | None
) -> float | None:
    """The greatest cosine of `question` with what `model` was taught of the first few `documents`
    and that no longer stands in them; None where there is none. One query."""
    chosen = list(dict.fromkeys(documents))[:DOCUMENTS]
    if not model or question is None or not chosen:
        return None
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
    gone = ChunkEmbedding.objects.filter(
        Exists(taught),
        ~Exists(still_there),
        chunk__version__document__in=chosen,
        chunk__version__withdrawn_revision__isnull=False,
        embedder=settings.EMBEDDINGS_MODEL,
    )
    rows = [np.frombuffer(raw, "<f4") for raw in gone.values_list("vector", flat=True)]
    return max((float(row @ question) for row in rows), default=None)
