"""What stands in a source at one moment, sorted into what is taken and what is told."""

import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from tempfile import gettempdir

from django.conf import settings

from ingestion.commits import plain
from ingestion.errors import UploadError, UserError
from ingestion.paths import clean_path
from ingestion.sniffing import SUPPORTED_SUFFIXES

WITHOUT_SUFFIX = "without an extension"
A_LINK = "A link is not followed. Put the file itself there."
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a kind that is read. `where` is how its source finds it again."""

    where: str
    fingerprint: str
    size: int
    mtime_ns: int = 0


@dataclass(slots=True)
class Snapshot:
    files: dict[str, Entry] = field(default_factory=dict)
    """By the path that the document has in its collection."""
    present: set[str] = field(default_factory=set)
    """Paths that are there and cannot be taken now."""
    waiting: int = 0
    """Of `present`, those that were being written a moment ago."""
    told: list[tuple[str, str]] = field(default_factory=list)
    """Path and reason of what was left out and could be mended."""
    others: Counter[str] = field(default_factory=Counter)
    """How many files are of a kind that is not read, by their suffix."""

    @property
    def fingerprints(self) -> dict[str, str]:
        return {path: entry.fingerprint for path, entry in self.files.items()}

    def leave_out(self, path: str, reason: str) -> None:
        self.told.append((shown(path), reason))


def documents(names: Iterable[str], into: Snapshot) -> dict[str, str]:
    """The names that can be documents, by the path that they get; the rest is noted.

    Names are relative, and undecodable bytes in them are surrogates, as `os.fsdecode` leaves
    them. Hidden files are passed over, as `ingest` does.
    """
    found: dict[str, str] = {}
    for name in sorted(names):
        if any(part.startswith(".") for part in name.split("/")):
            continue
        suffix = PurePosixPath(name).suffix.lower()
        if suffix not in SUPPORTED_SUFFIXES:
            into.others[plain(shown(suffix), 20) or WITHOUT_SUFFIX] += 1
            continue
        try:
            path = _path(name)
        except UploadError as error:
            into.leave_out(name, str(error))
            continue
        if path in found:
            into.leave_out(name, f"{shown(found[path])} has the same name here. Rename one.")
            continue
        found[path] = name
    return found


def _path(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UploadError("bad-path", "Its name is not UTF-8. Rename the file.") from None
    if "\\" in name:
        raise UploadError("bad-path", "Its name holds a backslash. Rename the file.")
    return clean_path(name)


def is_too_large(size: int) -> bool:
    return size > int(settings.UPLOAD_MAX_BYTES)


def too_large() -> str:
    return f"Larger than {settings.UPLOAD_MAX_BYTES // 1024**2} MB. Split it, or compress it."


def require_room(entry: Entry) -> None:
    """For a copy of the file that is gone again when it was taken. Raises `UserError`."""
    place = gettempdir()
    if shutil.disk_usage(place).free < entry.size:
        raise UserError("no-room", f"There is no room in {place} on the worker. Make some there.")


def shown(name: str) -> str:
    """A name from outside, fit to be stored and shown."""
    return plain(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), _SHOWN)
