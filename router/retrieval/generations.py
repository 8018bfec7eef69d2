"""The folder of the index on disk, and how it changes without ever being torn.

    current.json      names the folders in use; replaced by rename, which is the moment of change
    lexical-000004/   the word index; changed in place, by commits of its own
    vectors-000007/   vectors.faiss, rows.npy, manifest.json; never changed
    index.lock        held by whoever changes any of these

A folder that is not named does not count: it is being made, or was left by a process that was
killed. The next switch removes it, if it can; a process that has mapped its files may go on
reading them.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from ingestion.storage import sha256_of, sync
from router.retrieval.vectors import Rows, VectorFile, Vectors, write_vectors

_POINTER, _MANIFEST, _VECTORS, _ROWS = "current.json", "manifest.json", "vectors.faiss", "rows.npy"
# Raise it when anything in the folder changes its form, the analysis of words included: an index
# of another format is made anew.
FORMAT = 1
# A rebuild of a large corpus takes minutes; whoever waits longer than this is better off told.
LOCK_SECONDS = 600.0


class DamagedGenerationError(Exception):
    """A generation is missing, incomplete, or not what was written."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """The numbers of the folders in use."""

    lexical: int
    vectors: int
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds, and the sha256 of each of its files by name."""

    number: int
    revision: int
    embedder: str
    dimension: int
    chunks: int
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Generation:
    manifest: Manifest
    manifest_sha256: str
    file: VectorFile
    rows: Rows


class IndexFolder:
    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path

    def lock(self, seconds: float = LOCK_SECONDS) -> FileLock:
        """For whoever changes the folder, and for whoever opens a part of it. Raises `Timeout`, an
        `OSError`, when another process has it for so long."""
        return FileLock(self.path / "index.lock", timeout=seconds)

    def lexical(self, number: int) -> Path:
        return self.path / f"lexical-{number:06}"

    def vectors(self, number: int) -> Path:
        return self.path / f"vectors-{number:06}"

    def highest(self) -> int:
        """The highest number of a folder, in use or left; 0: there is none."""
        there = (*self.path.glob("lexical-*"), *self.path.glob("vectors-*"))
        return max((int(folder.name.rpartition("-")[2]) for folder in there), default=0)

    def pointer(self) -> Pointer | None:
        """None: there is no index yet, or none that can be read."""
        try:
            pointer = Pointer(**json.loads((self.path / _POINTER).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return pointer if pointer.format == FORMAT else None

    def point(self, pointer: Pointer) -> None:
        """Switch to other folders, in one step, and remove those that were left behind."""
        new = self.path / f"{_POINTER}.new"
        new.write_text(json.dumps(asdict(pointer)))
        sync(new)
        new.replace(self.path / _POINTER)
        sync(self.path)
        there = {*self.path.glob("lexical-*"), *self.path.glob("vectors-*")}
        for left in there - self._folders(pointer):
            # What cannot be removed harms nobody, and the switch has been made.
            shutil.rmtree(left, ignore_errors=True)

    def _folders(self, pointer: Pointer | None) -> set[Path]:
        if pointer is None:
            return set()
        return {self.lexical(pointer.lexical), self.vectors(pointer.vectors)}

    def write_vectors(
        self,
        number: int,
        batches: Iterable[tuple[Rows, Vectors]],
        *,
        revision: int,
        embedder: str,
        dimension: int,
    ) -> Generation:
        """Make generation `number` out of all chunks; not used before `point` names it.

        Raises `OSError` when the disk does not take it; then nothing of it is left there.
        """
        with self.removed_if_refused(number):
            folder = self.vectors(number)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            tables = [np.empty((0, 3), np.int64)]

            def matrices() -> Iterator[Vectors]:
                for rows, matrix in batches:
                    tables.append(rows.table)
                    yield matrix

            write_vectors(folder / _VECTORS, dimension, matrices())
            table = np.concatenate(tables)
            np.save(folder / _ROWS, table, allow_pickle=False)
            files = {name: sha256_of(folder / name) for name in (_VECTORS, _ROWS)}
            manifest = Manifest(number, revision, embedder, dimension, len(table), files)
            (folder / _MANIFEST).write_text(json.dumps(asdict(manifest)))
            for path in (*folder.iterdir(), folder, self.path):
                sync(path)
            return self.read_vectors(number)

    @contextmanager
    def removed_if_refused(self, number: int) -> Iterator[None]:
        """Within it generation `number` is made: where the disk does not take it, nothing of it is
        left unless it is in use, since on a full disk its room is what is needed most."""
        try:
            yield
        except OSError:
            used = self._folders(self.pointer())
            for folder in {self.lexical(number), self.vectors(number)} - used:
                shutil.rmtree(folder, ignore_errors=True)
            raise

    def read_vectors(self, number: int) -> Generation:
        """Open a generation after comparing every byte of it with its manifest.

        A cut-off file would be noticed without; a flipped bit would only give wrong answers.
        Raises `DamagedGenerationError`.
        """
        folder = self.vectors(number)
        try:
            manifest = Manifest(**json.loads((folder / _MANIFEST).read_bytes()))
            damaged = [
                name for name, sha in manifest.files.items() if sha256_of(folder / name) != sha
            ]
        except (FileNotFoundError, ValueError, TypeError) as error:
            raise DamagedGenerationError(f"{folder}: {error}") from error
        if damaged:
            raise DamagedGenerationError(f"{folder}: {', '.join(damaged)} changed")
        table = np.load(folder / _ROWS, allow_pickle=False)
        sha256 = sha256_of(folder / _MANIFEST)
        return Generation(manifest, sha256, VectorFile(folder / _VECTORS), Rows(table))
