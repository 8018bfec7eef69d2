"""A folder of backups: each file once, by its sha256, and for each backup a list of its files.

    20261125T032000.518250Z-1f0c….json    a backup; named by its time and the list's own sha256
    files/1f/1f0c…                        what they list, the database too; shared by them
    .lock                                 held by whoever writes or removes
    .new-…                                what is being written

A backup is its list, which is put there last, whole, when every file that it names is on the disk.
So one that was killed is not there, and what it had copied saves the next one the work. Pure files:
nothing here knows the database.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout

from ingestion.errors import UserError
from ingestion.storage import BLOCK, NEW, OF_THE_DISK, sha256_of, sync

FORMAT = 1
DATABASE = "database"
"""The name of the database among the files of a backup."""
_FILES, _LOCK = "files", ".lock"
_LIST = re.compile(r"\d{8}T\d{6}\.\d{6}Z-([0-9a-f]{16})\.json")
_HASH = re.compile(r"[0-9a-f]{64}")
_TOLD = 5


@dataclass(frozen=True, slots=True)
class Listed:
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `files` by name: the database, or a path below one of the folders of
    `contents`. `client` is the program that wrote the database, `schema` names the tables' form."""

    docportal: str
    made_at: str
    database: str
    client: str
    migrations: list[str]
    schema: str
    counts: dict[str, int]
    problems: list[str]
    files: dict[str, Listed]
    format: int = FORMAT

    @property
    def size(self) -> int:
        """Bytes of all files, before those that are the same are counted once."""
        return sum(one.size for one in self.files.values())


@dataclass(frozen=True, slots=True)
class BackupFolder:
    path: Path

    # --- Reading ------------------------------------------------------------------------------
    def lists(self) -> list[Path]:
        """The backups that were finished, the oldest first."""
        there = self.path.iterdir() if self.path.is_dir() else ()
        return sorted(path for path in there if _LIST.fullmatch(path.name))

    def file(self, sha256: str) -> Path:
        return self.path / _FILES / sha256[:2] / sha256

    def holds(self, sha256: str) -> bool:
        """Whether the file is there with every byte; it is read for that."""
        path = self.file(sha256)
        return path.is_file() and sha256_of(path) == sha256

    def damage(self, manifest: Manifest) -> list[str]:
        """The names of files that are missing here or are not what they were; reads all of them."""
        wrong: dict[str, str] = {}
        for one in manifest.files.values():
            path = self.file(one.sha256)
            if not path.is_file():
                wrong[one.sha256] = "is missing"
            elif path.stat().st_size != one.size or sha256_of(path) != one.sha256:
                wrong[one.sha256] = "was changed"
        return [
            f"{name} ({_FILES}/{one.sha256[:2]}/{one.sha256}) {wrong[one.sha256]}"
            for name, one in manifest.files.items()
            if one.sha256 in wrong
        ]

    # --- Writing, for whoever has `writing` ---------------------------------------------------
    def new(self, name: str) -> Path:
        """Where a file can be made that `take` then keeps."""
        return self.path / f"{NEW}{name}"

    def add(self, source: Path) -> Listed:
        """Keep a copy of a file as it is now."""
        new = self.new("file")
        listed = copy(source, new)
        self._keep(new, listed)
        return listed

    def take(self, new: Path) -> Listed:
        """Keep a file that was made at `new`."""
        sync(new)
        listed = Listed(sha256_of(new), new.stat().st_size)
        self._keep(new, listed)
        return listed

    def _keep(self, new: Path, listed: Listed) -> None:
        target = self.file(listed.sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        new.replace(target)
        sync(target.parent)

    def finish(self, manifest: Manifest) -> Path:
        """Put the list there: from now on this is a backup."""
        text = json.dumps(asdict(manifest), indent=1, ensure_ascii=False)
        new = self.new("list")
        new.write_text(text, encoding="utf-8")
        sync(new)
        for folder in (self.path / _FILES, self.path):
            sync(folder)
        moment = datetime.fromisoformat(manifest.made_at).strftime("%Y%m%dT%H%M%S.%fZ")
        target = self.path / f"{moment}-{sha256_of(new)[:16]}.json"
        new.replace(target)
        sync(self.path)
        return target

    def keep_newest(self, number: int) -> list[str]:
        """Remove older backups, and files that none of the others needs; the names of the removed.

        Raises `UserError` when one that stays cannot be read: what it needs is not known then.
        """
        lists = self.lists()
        old, kept = lists[:-number], lists[-number:]
        needed = {one.sha256 for path in kept for one in read(path).files.values()}
        for path in old:
            path.unlink()
        sync(self.path)
        for path in (self.path / _FILES).glob("??/*"):
            if path.name not in needed:
                path.unlink()
        return [path.name for path in old]


def copy(source: Path, target: Path, mode: int = 0o600) -> Listed:
    """Copy a file onto the disk itself; what was copied. Backups are for their owner's eyes."""
    digest, size = hashlib.sha256(), 0
    target.unlink(missing_ok=True)
    with source.open("rb") as file, os.fdopen(_made(target, mode), "wb") as out:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    return Listed(digest.hexdigest(), size)


def _made(path: Path, mode: int) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BackupFolder]:
    """A folder of backups, made if it is not there, for one process at a time.

    Raises `UserError`: `not-a-backup-folder`, `busy`.
    """
    folder = BackupFolder(path)
    if path.exists() and not _is_usable(path):
        raise UserError(
            "not-a-backup-folder",
            f"{path} holds other things than backups. Name a new folder, or an empty one.",
        )
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    (path / _FILES).mkdir(exist_ok=True)
    try:
        with FileLock(path / _LOCK, timeout=0):
            _clear(path)
            try:
                yield folder
            finally:
                _clear(path)
    except Timeout as error:
        raise UserError(
            "busy", f"Another backup is being written to {path}. Wait until it is done."
        ) from error


def _is_usable(path: Path) -> bool:
    if not path.is_dir():
        return False
    return (path / _FILES).is_dir() or {one.name for one in path.iterdir()} <= {OF_THE_DISK}


def _clear(path: Path) -> None:
    """What a killed process was writing, and SQLite's files beside it."""
    for left in path.glob(f"{NEW}*"):
        left.unlink()


# --- Lists --------------------------------------------------------------------------------------
def found(source: Path) -> tuple[BackupFolder, Path]:
    """The backup that is meant: the newest of a folder, or the one whose list is named.

    Raises `UserError` (`no-backup`).
    """
    if source.is_file() and _LIST.fullmatch(source.name):
        return BackupFolder(source.parent), source
    lists = BackupFolder(source).lists()
    if not lists:
        raise UserError(
            "no-backup",
            f"There is no finished backup in {source}. Name the folder that `backup` wrote to, or "
            "one of the .json files in it.",
        )
    return BackupFolder(source), lists[-1]


def read(path: Path) -> Manifest:
    """Raises `UserError` for a list that was changed or that this release cannot read."""
    named = _LIST.fullmatch(path.name)
    if named is None or not sha256_of(path).startswith(named[1]):
        raise UserError(
            "damaged",
            f"The backup {path} is damaged: the list itself was changed. Take a copy that was kept "
            "elsewhere, or name another backup of that folder.",
        )
    return _parsed(path, json.loads(path.read_bytes()))


def _parsed(path: Path, told: Mapping[str, Any]) -> Manifest:
    if told["format"] != FORMAT:
        raise UserError(
            "format",
            f"The backup {path} was made by docportal {told['docportal']}, in a form that this "
            "release does not read. Install that release and restore there.",
        )
    files = {name: Listed(**one) for name, one in told["files"].items()}
    for name, one in files.items():
        parts = PurePosixPath(name).parts
        if ".." in parts or name.startswith("/") or not _HASH.fullmatch(one.sha256):
            raise UserError("damaged", f"The backup {path} names a file {name!r} outside itself.")
    return Manifest(**{**told, "files": files})


def told(items: list[str]) -> str:
    """The first few, and how many more."""
    more = f"; and {len(items) - _TOLD} more" if len(items) > _TOLD else ""
    return "; ".join(items[:_TOLD]) + more


def require_room(needed: Mapping[Path, int], what: str) -> None:
    """Raises `UserError` (`no-room`) unless so many bytes are free where these folders will lie,
    for all of them together where they share a disk."""
    disks: dict[int, list[Path]] = defaultdict(list)
    for path in needed:
        disks[_nearest(path).stat().st_dev].append(path)
    for paths in disks.values():
        free = shutil.disk_usage(_nearest(paths[0])).free
        missing = sum(needed[path] for path in paths)
        if free < missing:
            raise UserError(
                "no-room",
                f"{what} takes about {missing / 2**20:.0f} MB in {paths[0]}, and "
                f"{free / 2**20:.0f} MB are free. Make room there, or name another folder.",
            )


def _nearest(path: Path) -> Path:
    """The folder itself, or the one that it will be made in."""
    return next(one for one in (path, *path.parents) if one.exists())
