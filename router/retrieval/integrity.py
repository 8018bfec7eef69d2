"""Whether vectors and index agree with the passages that are served.

The index is looked at as it lies on the disk: a search would mend it, and nobody would know.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from ingestion.models import Chunk, DocumentVersion
from ingestion.problems import Check, Problem
from ingestion.publication import current_revision
from router import retrieval
from router.models import ChunkEmbedding, IndexGeneration
from router.retrieval import chunk_vectors, corpus
from router.retrieval.embeddings import EmbeddingsUnavailable
from router.retrieval.generations import (
    DamagedGenerationError,
    Generation,
    IndexFolder,
    Manifest,
)
from router.retrieval.lexical import DamagedIndexError, LexicalIndex, LexicalSnapshot

_LENGTH_TOLERANCE = 1e-3
_SHOWN = 5


# --- Vectors -----------------------------------------------------------------------------------
def vectors() -> Iterator[Problem]:
    """One of the present model for each served passage, of its dimension and of unit length."""
    lacking = Chunk.objects.filter(version__in=DocumentVersion.objects.served()).exclude(
        embedding__embedder=settings.EMBEDDINGS_MODEL
    )
    for kind, has_none in (("vector-missing", True), ("vector-model", False)):
        versions = Counter(
            lacking.filter(embedding__isnull=has_none).values_list("version_id", flat=True)
        )
        for version, passages in sorted(versions.items()):
            yield Problem(kind, f"Version {version}, {passages} passages", embed_anew)
    for pk, kind in _wrong_vectors():
        yield Problem(kind, f"Of passage {pk}", embed_anew)
    for pk in _orphans().order_by("pk").values_list("pk", flat=True):
        yield Problem("vector-orphan", f"Of passage {pk}, which is gone", partial(_remove, pk))


def embed_anew() -> bool:
    """Drop the vectors that cannot be right, and embed what lacks one. All at once: a wrong vector
    that stays would be taken for another passage of the same text."""
    wrong = ChunkEmbedding.objects.filter(pk__in=[pk for pk, _ in _wrong_vectors()])
    versions = list(DocumentVersion.objects.filter(chunks__embedding__in=wrong).distinct())
    wrong.delete()
    try:
        for version in versions:
            chunk_vectors.embed_version(version)
        chunk_vectors.embed_served()
    except EmbeddingsUnavailable:
        return False
    return True


def _wrong_vectors() -> Iterator[tuple[int, str]]:
    """Those of the present model that the index would leave out or that would spoil a search."""
    stored = ChunkEmbedding.objects.filter(embedder=settings.EMBEDDINGS_MODEL).order_by("pk")
    size = settings.EMBEDDINGS_DIMENSION * np.dtype("<f4").itemsize
    for pk, vector in stored.values_list("pk", "vector").iterator(corpus.BATCH_SIZE):
        if len(vector) != size:
            yield pk, "vector-dimension"
        elif not abs(np.linalg.norm(np.frombuffer(vector, "<f4")) - 1) < _LENGTH_TOLERANCE:
            yield pk, "vector-length"


def _orphans() -> QuerySet[ChunkEmbedding]:
    return ChunkEmbedding.objects.filter(~Exists(Chunk.objects.filter(pk=OuterRef("chunk_id"))))


def _remove(pk: int) -> bool:
    _orphans().filter(pk=pk).delete()
    return True


# --- Index -------------------------------------------------------------------------------------
def index() -> Iterator[Problem]:
    """Its files are whole, of this database, and hold each served passage once.

    That it lies behind the corpus is no problem: what came since is what the next search adds.
    """
    folder = IndexFolder(Path(settings.INDEX_DIR))
    with folder.lock():
        found = list(_on_disk(folder))
    yield from found


def _rebuild() -> bool:
    retrieval.rebuild()
    return True


def _on_disk(folder: IndexFolder) -> Iterator[Problem]:
    pointer = folder.pointer()
    if pointer is None:
        if DocumentVersion.objects.served().exists():
            yield Problem("index-missing", "There is none that can be read", _rebuild)
        return
    try:
        generation = folder.read_vectors(pointer.vectors)
        words = _words(folder.lexical(pointer.lexical))
    except (DamagedGenerationError, DamagedIndexError) as error:
        yield Problem("index-damaged", str(error), _rebuild)
        return
    origin = list(_origin(generation, words))
    yield from origin or _entries(generation, words)


def _words(folder: Path) -> LexicalSnapshot:
    if not LexicalIndex.exists(folder):
        raise DamagedIndexError(f"{folder} is missing")
    return LexicalIndex(folder).snapshot()


def _origin(generation: Generation, words: LexicalSnapshot) -> Iterator[Problem]:
    manifest = generation.manifest
    row = IndexGeneration.objects.filter(number=manifest.number).first()
    if row is None or row.manifest_sha256 != generation.manifest_sha256:
        what = f"Generation {manifest.number} was made from another database"
        yield Problem("index-foreign", what, _rebuild)
    elif _is_of_another_model(manifest):
        what = f"It was made by {manifest.embedder}, {manifest.dimension} numbers each"
        yield Problem("index-model", what, _rebuild)
    elif row.revision != manifest.revision:
        what = f"Generation {row.number} is of {manifest.revision}, its row says {row.revision}"
        yield Problem("index-revision", what, _rebuild)
    elif (latest := max(words.revision, manifest.revision)) > current_revision():
        what = f"It holds revision {latest}, the corpus {current_revision()}"
        yield Problem("index-ahead", what, _rebuild)


def _is_of_another_model(manifest: Manifest) -> bool:
    present = (settings.EMBEDDINGS_MODEL, settings.EMBEDDINGS_DIMENSION)
    return (manifest.embedder, manifest.dimension) != present


def _entries(generation: Generation, words: LexicalSnapshot) -> Iterator[Problem]:
    """What a search would keep of both parts, against what was served then and still is."""
    until = current_revision()
    touched = corpus.change(since=words.revision, until=until).touched
    passing = set(Chunk.objects.filter(version__in=touched).values_list("pk", flat=True))
    found = [chunk for chunk in words.chunks() if chunk not in passing]
    yield from _compared("Words", found, _passages(_unchanged(words.revision, until)))

    since = generation.manifest.revision
    kept = ~np.isin(generation.rows.versions, corpus.change(since=since, until=until).touched)
    found = generation.rows.chunks[kept].tolist()
    versions = _unchanged(since, until)
    served = _passages(versions)
    yield from _compared("Vectors", found, served, may_lack=served - _embedded(versions))


def _unchanged(since: int, until: int) -> QuerySet[DocumentVersion]:
    """Those that were served at both revisions, and all the time between."""
    return corpus.served_at(until).filter(published_revision__lte=since)


def _passages(versions: QuerySet[DocumentVersion]) -> set[int]:
    return set(Chunk.objects.filter(version__in=versions).values_list("pk", flat=True))


def _embedded(versions: QuerySet[DocumentVersion]) -> set[int]:
    of_model = ChunkEmbedding.objects.filter(embedder=settings.EMBEDDINGS_MODEL)
    return set(of_model.filter(chunk__version__in=versions).values_list("pk", flat=True))


def _compared(
    part: str, found: list[int], served: set[int], *, may_lack: Iterable[int] = ()
) -> Iterator[Problem]:
    times = Counter(found)
    missing = served - times.keys() - set(may_lack)
    orphans = times.keys() - served
    twice = {chunk for chunk, count in times.items() if count > 1} - orphans
    for kind, chunks in (
        ("index-entry-missing", missing),
        ("index-entry-orphan", orphans),
        ("index-entry-twice", twice),
    ):
        if chunks:
            first = ", ".join(str(chunk) for chunk in sorted(chunks)[:_SHOWN])
            what = f"{part}: {len(chunks)} passages, among them {first}"
            yield Problem(kind, what, _rebuild)


CHECKS = (
    Check(ChunkEmbedding.objects.count, vectors),
    Check(IndexGeneration.objects.count, index),
)
