"""The index of this machine, brought up to date by whoever needs it first.

The database is the truth and the folder a cache of it, shared by all processes of this machine.
A search asks the database for the corpus revision. Whoever finds the index behind takes the file
lock, adds and removes what changed in between, and searches exactly what is served now. So an
upload is found by the next search, and no document is ever shown twice or not at all.

A disk that takes nothing more stops no search, nor does another process that makes the index anew.
Words are then found in what the index holds, and what came since by its vectors, which are in
memory; what was withdrawn since the database leaves out.
"""

import logging
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from filelock import Timeout

from ingestion.models import CorpusRevision
from ingestion.publication import current_revision
from router import incidents
from router.models import Incident, IndexGeneration
from router.retrieval import corpus
from router.retrieval.dense import DenseSnapshot
from router.retrieval.generations import (
    LOCK_SECONDS,
    DamagedGenerationError,
    Generation,
    IndexFolder,
    Pointer,
)
from router.retrieval.lexical import (
    DamagedIndexError,
    LexicalIndex,
    LexicalSnapshot,
    committed_revision,
)

logger = logging.getLogger(__name__)

# Changes since the generation are searched in memory, and each process reads them by itself.
# Beyond this share of the generation, and this number, a new one is cheaper.
COMPACT_SHARE = 0.1
COMPACT_CHUNKS = 2_000
# A search does not wait for a disk that refused the last change so short a time ago.
RETRY_SECONDS = 10.0
# An upload of another process is in the index sooner; to make all of it anew takes minutes.
BUSY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The corpus at one revision. Safe between threads; stays valid whatever is written.

    Its words are of an earlier revision while the disk takes no change of them (`is_behind`).
    """

    words: LexicalSnapshot
    vectors: DenseSnapshot

    @property
    def revision(self) -> int:
        return self.vectors.revision

    @property
    def is_behind(self) -> bool:
        return self.words.revision < self.revision


@dataclass(frozen=True, slots=True)
class _Opened:
    """The parts on disk that this process has opened and verified."""

    pointer: Pointer
    words: LexicalIndex
    snapshot: Snapshot


class Index:
    def __init__(self, path: Path) -> None:
        self._folder = IndexFolder(path)
        self._changing = threading.Lock()
        self._opened: _Opened | None = None
        self._refused: OSError | None = None
        self._refused_at = 0.0

    def snapshot(self) -> Snapshot:
        """The corpus as it is served now. Raises `OSError` when there is no index and the disk
        takes none."""
        opened = self._at_hand()
        if opened is not None:
            return opened.snapshot
        with self._changing:
            return self._caught_up(BUSY_SECONDS).snapshot

    def refresh(self) -> int:
        """Catch up, and make a new generation when the present one has aged; the revision that
        all of it has. Raises as `snapshot`."""
        with self._changing:
            opened = self._caught_up(LOCK_SECONDS)
            if _is_due(opened.snapshot.vectors) and self._still_refused() is None:
                opened = self._compact()
            return min(opened.snapshot.revision, opened.snapshot.words.revision)

    def rebuild(self) -> int:
        """Make everything anew from the database; the revision. Raises `OSError`."""
        with self._changing, self._folder.lock():
            return self._rebuild().snapshot.revision

    def held(self) -> int:
        """The revision that the folder holds, without bringing it up to date; 0: none."""
        pointer = self._folder.pointer()
        try:
            return committed_revision(self._folder.lexical(pointer.lexical)) if pointer else 0
        except DamagedIndexError:
            return 0

    def _at_hand(self) -> _Opened | None:
        """What this process has, if it is as new as it can be."""
        opened = self._opened
        if opened is None or opened.snapshot.revision != current_revision():
            return None
        return None if opened.snapshot.is_behind and self._still_refused() is None else opened

    def _still_refused(self) -> OSError | None:
        """Why no change could be made a moment ago; None: one could, or it is time to try again."""
        since = time.monotonic() - self._refused_at
        return self._refused if since < RETRY_SECONDS else None

    # --- Under the lock of this process --------------------------------------------------------
    def _caught_up(self, seconds: float) -> _Opened:
        """`seconds` are those that another process is waited for, where this one has a part that
        it can go on with."""
        opened = self._at_hand()
        if opened is not None:
            return opened
        refused = self._still_refused()
        if refused is not None:
            return self._in_memory(refused)
        try:
            return self._from_disk(LOCK_SECONDS if self._opened is None else seconds)
        except OSError as error:
            self._note_refused(error)
            return self._in_memory(error)

    def _from_disk(self, seconds: float) -> _Opened:
        with self._folder.lock(seconds):
            opened = self._up_to_date()
        if self._refused is not None:
            # Another process may have been the one that found room.
            self._note_taken()
        return opened

    def _in_memory(self, refused: OSError) -> _Opened:
        """What was opened last, with the vectors of what came since; raises `refused` if there is
        nothing."""
        opened, revision = self._opened, current_revision()
        if opened is None or opened.snapshot.revision > revision:
            raise OSError(*refused.args) from refused
        try:
            words = opened.words.snapshot()
        except DamagedIndexError:
            words = opened.snapshot.words
        vectors = _at_revision(opened.snapshot.vectors, revision)
        self._opened = replace(opened, snapshot=Snapshot(words, vectors))
        return self._opened

    def _compact(self) -> _Opened:
        try:
            with self._folder.lock():
                pointer = self._folder.pointer()
                if pointer is None:
                    return self._rebuild()
                generation = self._write_generation()
                self._folder.point(Pointer(pointer.lexical, generation.manifest.number))
                return self._up_to_date()
        except OSError as error:
            self._note_refused(error)
            return self._in_memory(error)

    def _note_refused(self, error: OSError) -> None:
        logger.warning("The index cannot be brought up to date: %s", error)
        self._refused, self._refused_at = error, time.monotonic()
        # Who makes the index anew tells by itself what comes of it.
        if not isinstance(error, Timeout):
            incidents.report(Incident.Kind.INDEX_DISK, str(self._folder.path), str(error))

    def _note_taken(self) -> None:
        self._refused = None
        incidents.settle(Incident.Kind.INDEX_DISK, str(self._folder.path))

    # --- Under the file lock too ---------------------------------------------------------------
    def _up_to_date(self) -> _Opened:
        """The parts in use, brought up to date, or made anew where they cannot be."""
        revision = current_revision()
        try:
            opened = self._reopen()
            _check_not_ahead(opened.snapshot, revision)
            self._opened = opened
            return self._advance(opened, revision)
        except (DamagedIndexError, DamagedGenerationError) as error:
            logger.warning("The index is made from the database: %s", error)
            return self._rebuild()

    def _reopen(self) -> _Opened:
        """The parts in use, verified unless this process has verified them before."""
        pointer = self._folder.pointer()
        if pointer is None:
            raise DamagedGenerationError("There is none yet")
        if self._opened is not None and self._opened.pointer == pointer:
            return self._opened
        generation = self._folder.read_vectors(pointer.vectors)
        _check_origin(generation)
        words = LexicalIndex(self._folder.lexical(pointer.lexical))
        return _opened(pointer, words, generation)

    def _advance(self, opened: _Opened, revision: int) -> _Opened:
        """Bring both parts to a revision of the database."""
        words = opened.words.snapshot()
        if words.revision < revision:
            change = corpus.change(since=words.revision, until=revision)
            opened.words.change(
                removed=change.touched, added=corpus.entries(change.added), revision=revision
            )
            words = opened.words.snapshot()
            self._note_taken()
        vectors = _at_revision(opened.snapshot.vectors, revision)
        self._opened = replace(opened, snapshot=Snapshot(words, vectors))
        return self._opened

    def _rebuild(self) -> _Opened:
        generation = self._write_generation()
        number = generation.manifest.number
        revision = generation.manifest.revision
        with self._folder.removed_if_refused(number):
            words = LexicalIndex(self._folder.lexical(number))
            served = corpus.entries(corpus.served_at(revision))
            words.change(removed=(), added=served, revision=revision)
            pointer = Pointer(number, number)
            self._folder.point(pointer)
        self._note_taken()
        return self._advance(_opened(pointer, words, generation), revision)

    def _write_generation(self) -> Generation:
        row = _new_generation(above=self._folder.highest())
        generation = self._folder.write_vectors(
            row.number,
            corpus.vectors(corpus.served_at(row.revision)),
            revision=row.revision,
            embedder=row.embedder,
            dimension=row.dimension,
        )
        IndexGeneration.objects.filter(pk=row.pk).update(
            chunks=generation.manifest.chunks, manifest_sha256=generation.manifest_sha256
        )
        if generation.manifest.chunks == corpus.chunks_served_at(row.revision).count():
            incidents.settle(Incident.Kind.INDEX, row.embedder)
        return generation


def _at_revision(vectors: DenseSnapshot, revision: int) -> DenseSnapshot:
    if vectors.revision >= revision:
        return vectors
    change = corpus.change(since=vectors.revision, until=revision)
    return vectors.changed(
        touched=change.touched, added=corpus.vectors(change.added), revision=revision
    )


def _check_not_ahead(snapshot: Snapshot, revision: int) -> None:
    """The database was put back to an earlier state when the index holds a later one."""
    if max(snapshot.vectors.revision, snapshot.words.revision) > revision:
        raise DamagedGenerationError("It is ahead of the database")


def _opened(pointer: Pointer, words: LexicalIndex, generation: Generation) -> _Opened:
    manifest = generation.manifest
    vectors = DenseSnapshot.of_generation(
        manifest.revision, generation.file, generation.rows, manifest.dimension
    )
    return _Opened(pointer, words, Snapshot(words.snapshot(), vectors))


def _is_due(vectors: DenseSnapshot) -> bool:
    return vectors.unsettled > max(COMPACT_CHUNKS, COMPACT_SHARE * len(vectors.rows))


def _new_generation(above: int) -> IndexGeneration:
    """Take the next number; machines that share the database have folders of their own.

    Also beyond `above`: a database that was put back would give a number again, of a folder that
    is there.
    """
    with transaction.atomic():
        CorpusRevision.objects.get_or_create(pk=1)
        revision = CorpusRevision.objects.select_for_update().get(pk=1)
        last = IndexGeneration.objects.aggregate(last=Max("number"))["last"] or 0
        return IndexGeneration.objects.create(
            number=max(last, above) + 1,
            revision=revision.number,
            embedder=settings.EMBEDDINGS_MODEL,
            dimension=settings.EMBEDDINGS_DIMENSION,
            chunks=0,
        )


def _check_origin(generation: Generation) -> None:
    """That it was made from this database, by the present embedder and format."""
    manifest = generation.manifest
    if (manifest.embedder, manifest.dimension) != (
        settings.EMBEDDINGS_MODEL,
        settings.EMBEDDINGS_DIMENSION,
    ):
        made_by = f"It was made by {manifest.embedder}, {manifest.dimension} numbers each"
        incidents.report(Incident.Kind.INDEX, settings.EMBEDDINGS_MODEL, f"{made_by}.")
        raise DamagedGenerationError(made_by)
    known = IndexGeneration.objects.filter(
        number=manifest.number, manifest_sha256=generation.manifest_sha256
    )
    if not known.exists():
        raise DamagedGenerationError("It was made from another database")


_indexes: dict[Path, Index] = {}
_indexes_lock = threading.Lock()


def current() -> Index:
    """The index of `settings.INDEX_DIR`."""
    path = Path(settings.INDEX_DIR)
    with _indexes_lock:
        if path not in _indexes:
            _indexes[path] = Index(path)
        return _indexes[path]
