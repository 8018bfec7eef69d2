"""`backup`: everything that cannot be made again, written down while the portal goes on.

The database comes first and the files after it: a file is there before the row that names it, so
whatever that state of the database names is there when it is copied. Only files of tuned models
go, under a lock that is held until they are copied. What is written meanwhile belongs to the next
backup.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils import timezone

from docportal import RELEASE, tables
from docportal.backups import contents, databases
from docportal.backups.contents import Wanted
from docportal.backups.folder import (
    DATABASE,
    BackupFolder,
    Listed,
    Manifest,
    require_room,
    told,
    writing,
)
from ingestion.errors import UserError
from ingestion.storage import sha256_of
from router import model_store


@dataclass(slots=True)
class Made:
    """A backup that is whole. `problems`: what this home had lost before. Sizes are in bytes, and
    `new` are the files that no backup of the folder had yet."""

    path: Path
    manifest: Manifest
    new_files: int
    new_bytes: int
    seconds: float
    removed: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "backup": str(self.path),
            "made_at": self.manifest.made_at,
            "files": len(self.manifest.files),
            "bytes": self.manifest.size,
            "new_files": self.new_files,
            "new_bytes": self.new_bytes,
            "counts": self.manifest.counts,
            "problems": self.manifest.problems,
            "removed": self.removed,
            "seconds": round(self.seconds, 3),
        }


def back_up(path: Path, *, keep: int | None = None) -> Made:
    """Add a backup of this home to the folder at `path`; with `keep`, remove all but the newest.

    Raises `UserError`: `not-migrated`, `no-room`, `busy`, `not-a-backup-folder`, and those of
    `databases.frozen`. Then there is no backup of now, and those before it are as they were.
    """
    started = time.monotonic()
    _check_migrated()
    with writing(path) as folder:
        copying = _Copying(folder)
        made_at = timezone.now()
        require_room({path: databases.size()}, "The database")
        with model_store.locked():
            new = folder.new(DATABASE)
            with databases.frozen(new) as alias:
                models, others = list(contents.models(alias)), list(contents.others(alias))
                counts, migrations = contents.counts(alias), tables.applied_migrations(alias)
            copying.take(DATABASE, new)
            require_room({path: copying.missing_bytes([*models, *others])}, "The backup")
            copying.copy(models)
        copying.copy(others)
        manifest = Manifest(
            docportal=RELEASE,
            made_at=made_at.isoformat(),
            database=databases.kind(),
            client=databases.client(),
            migrations=migrations,
            schema=tables.schema(),
            counts=counts,
            problems=copying.problems,
            files=copying.files,
        )
        made = Made(
            path=folder.finish(manifest),
            manifest=manifest,
            new_files=copying.new_files,
            new_bytes=copying.new_bytes,
            seconds=time.monotonic() - started,
        )
        if keep is not None:
            made.removed = folder.keep_newest(keep)
    return made


def _check_migrated() -> None:
    if not databases.has_tables():
        raise UserError("not-migrated", "The database is empty: there is nothing to back up.")
    if missing := tables.missing_migrations():
        raise UserError(
            "not-migrated",
            f"The database is of an older release: it lacks {told(missing)}. Make the "
            "backup with the release that it ran on until now, or run `migrate` first.",
        )


@dataclass(slots=True)
class _Copying:
    folder: BackupFolder
    files: dict[str, Listed] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    new_files: int = 0
    new_bytes: int = 0

    def missing_bytes(self, wanted: Iterable[Wanted]) -> int:
        """At most so many have to be copied."""
        return sum(
            one.path.stat().st_size
            for one in wanted
            if one.path.is_file() and not (one.sha256 and self.folder.file(one.sha256).is_file())
        )

    def copy(self, wanted: Iterable[Wanted]) -> None:
        """What the folder has of an earlier backup is read once more there, and copied anew when
        it is no longer what it was."""
        for one in wanted:
            try:
                listed = self._kept(one)
            except FileNotFoundError:
                if not one.optional:
                    self.problems.append(f"{one.name} is missing")
                continue
            self.files[one.name] = listed
            if one.sha256 and listed.sha256 != one.sha256:
                self.problems.append(f"{one.name} was changed")

    def take(self, name: str, new: Path) -> None:
        """Keep what was made in the folder itself."""
        listed = self.files[name] = self.folder.take(new)
        self._count(listed)

    def _kept(self, one: Wanted) -> Listed:
        sha256 = one.sha256 or sha256_of(one.path)
        if self.folder.holds(sha256):
            return Listed(sha256, self.folder.file(sha256).stat().st_size)
        listed = self.folder.add(one.path)
        self._count(listed)
        return listed

    def _count(self, listed: Listed) -> None:
        self.new_files += 1
        self.new_bytes += listed.size
