"""What the index is made from: rows of the database, by corpus revision."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db.models import Q, QuerySet

from ingestion.models import Chunk, DocumentVersion
from router.models import ChunkEmbedding
from router.retrieval.lexical import Entry
from router.retrieval.passages import searchable_text
from router.retrieval.vectors import Rows, Vectors

BATCH_SIZE = 2_000


@dataclass(frozen=True, slots=True)
class Change:
    """What lies between two revisions. Chunks of all `touched` versions leave the index, then
    those of `added` enter it: applied twice, it does no harm."""

    touched: list[int]
    added: QuerySet[DocumentVersion]


def served_at(revision: int) -> QuerySet[DocumentVersion]:
    """The versions that were served at a revision, at most one for each document."""
    return DocumentVersion.objects.filter(
        Q(withdrawn_revision__isnull=True) | Q(withdrawn_revision__gt=revision),
        published_revision__lte=revision,
    ).order_by()


def chunks_served_at(revision: int) -> QuerySet[Chunk]:
    """The chunks of those versions; by a join, since a search asks for a hundred of them."""
    return Chunk.objects.filter(
        Q(version__withdrawn_revision__isnull=True) | Q(version__withdrawn_revision__gt=revision),
        version__published_revision__lte=revision,
    ).order_by()


def change(*, since: int, until: int) -> Change:
    """What leads from the corpus at one revision to the corpus at a later one."""
    touched = DocumentVersion.objects.filter(
        Q(published_revision__gt=since, published_revision__lte=until)
        | Q(withdrawn_revision__gt=since, withdrawn_revision__lte=until)
    ).order_by()
    added = served_at(until).filter(published_revision__gt=since)
    return Change(list(touched.values_list("pk", flat=True)), added)


def entries(versions: QuerySet[DocumentVersion]) -> Iterator[Entry]:
    """The chunks of some versions, as they are indexed by words."""
    chunks = Chunk.objects.filter(version__in=versions).order_by("pk")
    fields = (
        "pk",
        "version_id",
        "version__document__collection_id",
        "version__title",
        "version__document__title",
        "heading_path",
        "text",
    )
    for chunk, version, collection, title, fallback, headings, text in chunks.values_list(
        *fields
    ).iterator(BATCH_SIZE):
        yield Entry(chunk, version, collection, searchable_text(title or fallback, headings, text))


def vectors(versions: QuerySet[DocumentVersion]) -> Iterator[tuple[Rows, Vectors]]:
    """The vectors of some versions by the present embedder, in batches.

    Without those of another length, which a change of `EMBEDDINGS_DIMENSION` leaves behind.
    """
    embeddings = (
        ChunkEmbedding.objects.of_settings().filter(chunk__version__in=versions).order_by("pk")
    )
    fields = ("pk", "chunk__version_id", "chunk__version__document__collection_id", "vector")
    batch: list[tuple[int, int, int, bytes]] = []
    for row in embeddings.values_list(*fields).iterator(BATCH_SIZE):
        batch.append(row)
        if len(batch) == BATCH_SIZE:
            yield _arrays(batch)
            batch = []
    yield _arrays(batch)


def _arrays(batch: list[tuple[int, int, int, bytes]]) -> tuple[Rows, Vectors]:
    table = np.array([row[:3] for row in batch], np.int64).reshape(-1, 3)
    raw = b"".join(row[3] for row in batch)
    matrix = np.frombuffer(raw, "<f4").reshape(len(batch), settings.EMBEDDINGS_DIMENSION)
    return Rows(table), matrix.astype(np.float32, copy=False)
