"""A watched folder: looked through by schedule, each file told by the hash of its bytes.

A file of the same size and time as at the last look is taken for the same. No link is followed, at
no step of a path, so what lies outside is never read.
"""

import errno
import hashlib
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from ingestion.errors import UploadError, UserError
from ingestion.sources import places, snapshots
from ingestion.sources.snapshots import Entry, Snapshot
from ingestion.storage import OF_THE_DISK

SETTLED_SECONDS = 5.0
"""A file that was changed less long ago may still be being written; it waits for the next look."""


# What lies above the folder need not be readable.
_STEP = os.O_DIRECTORY | (os.O_PATH if sys.platform == "linux" else os.O_RDONLY)


class Changing(Exception):
    """The file was changed while it was read."""


class WatchedFolder:
    def __init__(self, location: str, subfolder: str) -> None:
        """Raises `UserError` when the folder may not be followed."""
        inner = str(Path(location) / subfolder) if subfolder else location
        self._root = places.allowed_folder(inner)

    def snapshot(self, held: Mapping[str, Entry]) -> Snapshot:
        """All files below. `held` is what was taken at the last look, by path.

        Raises `UserError` when any part of the folder cannot be read: what is in there is not gone.
        """
        found, seen = Snapshot(), dict[str, os.stat_result]()
        try:
            for name, about in _walk(self._root):
                if stat.S_ISREG(about.st_mode):
                    seen[name] = about
                elif stat.S_ISLNK(about.st_mode):
                    found.leave_out(name, snapshots.A_LINK)
        except OSError as error:
            raise _unreadable(error) from error
        for path, name in snapshots.documents(seen, found).items():
            self._look_at(path, name, seen[name], held.get(path), found)
        return found

    def _look_at(
        self, path: str, name: str, about: os.stat_result, held: Entry | None, found: Snapshot
    ) -> None:
        if held and (held.size, held.mtime_ns) == (about.st_size, about.st_mtime_ns):
            found.files[path] = Entry(name, held.fingerprint, held.size, held.mtime_ns)
        elif snapshots.is_too_large(about.st_size):
            found.present.add(path)
            found.leave_out(path, snapshots.too_large())
        elif abs(time.time() - about.st_mtime) < SETTLED_SECONDS:
            found.present.add(path)
            found.waiting += 1
        else:
            self._hash(path, name, found)

    def _hash(self, path: str, name: str, found: Snapshot) -> None:
        try:
            with self._settled(name) as (file, about):
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found.files[path] = Entry(name, digest, about.st_size, about.st_mtime_ns)
        except Changing:
            found.present.add(path)
            found.waiting += 1
        except OSError as error:
            found.present.add(path)
            found.leave_out(path, f"It cannot be read: {os.strerror(error.errno or 0)}.")

    @contextmanager
    def opened(self, entry: Entry) -> Iterator[BinaryIO]:
        """Its bytes, if they are those that were hashed. Raises `UploadError` otherwise, and
        `UserError` when they find no room."""
        snapshots.require_room(entry)
        with TemporaryFile() as copy:
            try:
                with self._settled(entry.where) as (file, _about):
                    shutil.copyfileobj(file, copy)
            except (Changing, OSError):
                raise _changed() from None
            copy.seek(0)
            if hashlib.file_digest(copy, "sha256").hexdigest() != entry.fingerprint:
                raise _changed()
            copy.seek(0)
            yield copy

    @contextmanager
    def _settled(self, name: str) -> Iterator[tuple[BufferedReader, os.stat_result]]:
        with _opened(self._root / name) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise Changing
            yield file, before
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise Changing


def _walk(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every name below that is no folder, with what it is; hidden folders are passed over."""

    def stop(error: OSError) -> None:
        raise error

    with _folder(root) as top:
        for folder, folders, names, descriptor in os.fwalk(".", onerror=stop, dir_fd=top):
            folders[:] = [one for one in folders if not one.startswith(".") and one != OF_THE_DISK]
            below = os.path.normpath(folder)
            # A link to a folder is listed among the folders.
            for name in [*names, *folders]:
                try:
                    about = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if not stat.S_ISDIR(about.st_mode) and not name.startswith("."):
                    yield (name if below == "." else f"{below}/{name}"), about


def _opened(path: Path) -> BufferedReader:
    with _folder(path.parent) as folder:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        return os.fdopen(os.open(path.name, flags, dir_fd=folder), "rb")


@contextmanager
def _folder(path: Path) -> Iterator[int]:
    """The descriptor of a folder, opened step by step from the top without following a link,
    whoever swaps a folder meanwhile. `path` had none when it was checked."""
    descriptor = os.open(path.anchor, _STEP)
    try:
        for name in path.parts[1:]:
            below = os.open(name, _STEP | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _changed() -> UploadError:
    return UploadError("changing", "It changed while it was read, so the next sync takes it.")


def _unreadable(error: OSError) -> UserError:
    if error.errno == errno.ENOENT:
        return UserError("no-folder", "The folder is not there. Is its disk mounted?")
    name, why = snapshots.shown(Path(str(error.filename)).name), os.strerror(error.errno or 0)
    return UserError("no-folder", f"“{name}” cannot be read: {why}.")
