"""Original files, kept by their content: the same bytes are stored once and never change."""

import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from ingestion.errors import UploadError

BLOCK = 1 << 20
NEW = ".new-"
"""Begins the name of a file that is being written."""
OF_THE_DISK = "lost+found"
"""A folder that a disk has at its top, into which root alone may look."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    sha256: str
    size: int


def originals_folder() -> Path:
    return Path(settings.MEDIA_ROOT) / "originals"


def original_path(sha256: str) -> Path:
    return originals_folder() / sha256[:2] / sha256


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, written to the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep_original(content: BinaryIO) -> StoredFile:
    """Write the bytes durably under the name of their hash.

    The file is complete and on disk when this returns, or not there at all: temporary file,
    fsync, rename, fsync of the folder. Raises `UploadError` when there are more bytes than
    allowed.
    """
    root = originals_folder()
    root.mkdir(parents=True, exist_ok=True)
    temporary = root / f"{NEW}{uuid.uuid4().hex}"
    try:
        stored = _write(content, temporary)
        target = original_path(stored.sha256)
        if not target.parent.is_dir():
            target.parent.mkdir(exist_ok=True)
            sync(root)
        temporary.replace(target)
        sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return stored


def _write(content: BinaryIO, path: Path) -> StoredFile:
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        while block := content.read(BLOCK):
            size += len(block)
            if size > settings.UPLOAD_MAX_BYTES:
                limit = settings.UPLOAD_MAX_BYTES // 1024**2
                raise UploadError(
                    "too-large", f"The file is larger than {limit} MB. Split it, or compress it."
                )
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return StoredFile(digest.hexdigest(), size)
