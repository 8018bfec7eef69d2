"""An export as the bytes of a zip file that is never held whole, as a file, and as a folder."""

import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath

from docportal.exports.contents import Entry
from ingestion.storage import sync

BLOCK = 1 << 18
# Of these the bytes are packed already.
_PACKED = {".pdf", ".docx"}


class _Pieces:
    """What was written since the last look; it cannot be gone back in, as with a connection."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        taken, self._written = b"".join(self._written), []
        return taken


def zipped(entries: Iterator[Entry]) -> Iterator[bytes]:
    """The bytes of a zip file, in pieces that are not empty."""
    pieces = _Pieces()
    with zipfile.ZipFile(pieces, "w") as archive:
        for entry in entries:
            for _ in _packed(entry, archive):
                if piece := pieces.taken():
                    yield piece
    yield pieces.taken()


def _packed(entry: Entry, archive: zipfile.ZipFile) -> Iterator[None]:
    info = zipfile.ZipInfo(entry.name, entry.modified.timetuple()[:6])
    is_packed = PurePosixPath(entry.name).suffix.lower() in _PACKED
    info.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    with archive.open(info, "w") as target, closing(entry.open()) as source:
        while block := source.read(BLOCK):
            target.write(block)
            yield


def write_zip(entries: Iterator[Entry], path: Path) -> None:
    """Whole or not at all; `path` is not there yet."""
    new = path.with_name(f".new-{path.name}")
    try:
        with new.open("wb") as file:
            for piece in zipped(entries):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        _put(new, path)
    finally:
        new.unlink(missing_ok=True)


def write_folder(entries: Iterator[Entry], path: Path) -> None:
    """Whole or not at all; `path` is not there yet, or an empty folder."""
    new = path.with_name(f".new-{path.name}")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        for entry in entries:
            target = new / entry.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with closing(entry.open()) as source, target.open("xb") as file:
                shutil.copyfileobj(source, file, BLOCK)
                file.flush()
                os.fsync(file.fileno())
        _put(new, path)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _put(new: Path, path: Path) -> None:
    new.replace(path)
    sync(path.parent)
