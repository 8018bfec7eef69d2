"""Vectors of chunks, kept in the database."""

from collections.abc import Sequence

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from ingestion.models import Chunk, DocumentVersion
from router.models import ChunkEmbedding
from router.retrieval.embeddings import ServerEmbeddings
from router.retrieval.passages import searchable_text

# Chunks whose vectors are stored together: what is lost at most when the process is stopped.
BATCH_SIZE = 256


def embed_version(version: DocumentVersion) -> None:
    """Store the vectors that the chunks of a version lack; raises `EmbeddingsUnavailable`.

    A text that was embedded before, in whichever document, keeps its vector.
    """
    chunks = list(_lacking().filter(version=version).select_related("version__document"))
    for start in range(0, len(chunks), BATCH_SIZE):
        _embed(chunks[start : start + BATCH_SIZE])


def embed_served() -> int:
    """Store what served versions lack, as after a change of the embedding model or of its
    dimension; how many did.

    Raises `EmbeddingsUnavailable`.
    """
    has_some = Exists(_lacking().filter(version=OuterRef("pk")))
    versions = list(DocumentVersion.objects.served().filter(has_some))
    for version in versions:
        embed_version(version)
    return len(versions)


def text_of(chunk: Chunk) -> str:
    """What is embedded and indexed for a chunk."""
    title = chunk.version.title or chunk.version.document.title
    return searchable_text(title, chunk.heading_path, chunk.text)


def _lacking() -> QuerySet[Chunk]:
    """Chunks without a vector of the settings."""
    return Chunk.objects.filter(
        ~Exists(ChunkEmbedding.objects.of_settings().filter(chunk=OuterRef("pk")))
    )


def _embed(chunks: Sequence[Chunk]) -> None:
    known = _known_vectors(chunks)
    unknown = list(dict.fromkeys(text_of(chunk) for chunk in chunks if text_of(chunk) not in known))
    if unknown:
        vectors = ServerEmbeddings().batch(unknown).astype("<f4")
        known |= {text: row.tobytes() for text, row in zip(unknown, vectors, strict=True)}
    ChunkEmbedding.objects.bulk_create(
        [
            ChunkEmbedding(
                chunk=chunk, embedder=settings.EMBEDDINGS_MODEL, vector=known[text_of(chunk)]
            )
            for chunk in chunks
        ],
        update_conflicts=True,
        unique_fields=["chunk"],
        update_fields=["embedder", "vector"],
    )


def _known_vectors(chunks: Sequence[Chunk]) -> dict[str, bytes]:
    """Vectors already there, by searchable text, of chunks with the content of one of these."""
    embeddings = (
        ChunkEmbedding.objects.of_settings()
        .filter(chunk__content_hash__in={chunk.content_hash for chunk in chunks})
        .select_related("chunk__version__document")
    )
    return {text_of(found.chunk): bytes(found.vector) for found in embeddings}
