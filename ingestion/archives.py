"""Zip files from strangers: checked by their directory first, then unpacked with every rule."""

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.conf import settings

from ingestion.errors import ParseError, UploadError
from ingestion.sniffing import SUPPORTED_SUFFIXES

MAX_FILES = 5000
_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ZipLimits:
    ratio: int = 100
    """Expanded bytes for each packed one."""
    expanded_bytes: int = 200 * 1024 * 1024
    files: int = MAX_FILES


@dataclass(frozen=True, slots=True)
class Expanded:
    files: list[tuple[str, Path]]
    """Path in the archive, and where its bytes are now."""
    unsupported: list[str]
    """Paths of files of other kinds, which were not unpacked."""


def check(archive: zipfile.ZipFile, limits: ZipLimits) -> None:
    """Raises ParseError `bomb` for a directory that promises more than the limits allow.

    Only the directory is read. It cannot lie to smaller: no more than it says is unpacked.
    """
    entries = archive.infolist()
    packed = sum(entry.compress_size for entry in entries)
    expanded = sum(entry.file_size for entry in entries)
    if len(entries) > limits.files:
        raise ParseError("bomb", f"It holds {len(entries)} files; {limits.files} is the most.")
    # Small files of repetitive markup pack well and harm nobody.
    is_dense = expanded > limits.ratio * max(packed, 1) and expanded > 10 * _PIECE
    if expanded > limits.expanded_bytes or is_dense:
        raise ParseError(
            "bomb",
            f"It would unpack to {expanded // _PIECE} MB, more than is safe."
            " Remove large pictures or attachments and upload it again.",
        )


def expand(path: Path, into: Path) -> Expanded:
    """Unpacks the documents of a zipped folder.

    Hidden files and what macOS adds are left out. Raises UploadError `damaged`, `bomb`,
    `encrypted`, `unsafe-path`, and then nothing of the archive is to be used.
    """
    limits = ZipLimits(settings.UPLOAD_MAX_ZIP_RATIO, settings.UPLOAD_MAX_EXPANDED_BYTES)
    files: list[tuple[str, Path]] = []
    unsupported: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive:
            check(archive, limits)
            for entry, name in _documents(archive):
                if PurePosixPath(name).suffix.lower() in SUPPORTED_SUFFIXES:
                    files.append((name, _unpack(archive, entry, into / f"{len(files)}")))
                else:
                    unsupported.append(name)
    except ParseError as error:
        raise UploadError(error.id, f"The zip file was not opened. {error}") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise UploadError(
            "damaged", "The zip file is damaged or of a rare kind. Pack the folder again."
        ) from error
    return Expanded(files, unsupported)


def _documents(archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    seen: set[str] = set()
    for entry in archive.infolist():
        name = _safe_name(entry)
        parts = PurePosixPath(name).parts
        if entry.is_dir() or "__MACOSX" in parts or any(part.startswith(".") for part in parts):
            continue
        if name in seen:
            raise UploadError("unsafe-path", f"The zip file holds “{name}” twice. Pack it again.")
        seen.add(name)
        yield entry, name


def _safe_name(entry: zipfile.ZipInfo) -> str:
    name = entry.filename.replace("\\", "/")
    path = PurePosixPath(name)
    is_outside = path.is_absolute() or ".." in path.parts or ":" in path.parts[:1]
    if is_outside or not path.parts or name[1:2] == ":":
        raise UploadError(
            "unsafe-path", f"The zip file points outside its folder (“{name[:80]}”). Pack it again."
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UploadError(
            "unsafe-path", f"“{name[:80]}” in the zip file is a link. Put the file itself there."
        )
    if entry.flag_bits & 1:
        raise UploadError("encrypted", "The zip file has a password. Pack it without one.")
    return str(path)


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> Path:
    with target.open("xb") as file:
        for piece in _pieces(archive, entry):
            file.write(piece)
    return target


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Raises `BadZipFile` for whatever is wrong with the bytes, each kind of which has its own
    error: that of bzip2 is what a full disk has, too."""
    try:
        with archive.open(entry) as source:
            while piece := source.read(_PIECE):
                yield piece
    except (zlib.error, lzma.LZMAError, OSError) as error:
        raise zipfile.BadZipFile(str(error)) from error
