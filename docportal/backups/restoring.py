"""`restore`: a home and its database become what they were when a backup was made.

Everything that can be refused is refused before anything is changed: every file of the backup is
read and compared, then copied beside its place. From there on a mark says that a restore is under
way, with which nothing of the portal starts: the database is read in, all of it or nothing, the
folders change places, the index is made anew. A restore that was killed is run again.
"""

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from docportal import RELEASE, tables
from docportal.backups import UNFINISHED, contents, databases, folder, unfinished
from docportal.backups.contents import FOLDERS, SECRET_KEY
from docportal.backups.folder import DATABASE, BackupFolder, Manifest, require_room, told
from docportal.models import Worker
from docportal.workers import ALIVE
from ingestion.errors import UserError
from ingestion.storage import OF_THE_DISK, sync
from router import retrieval
from training import jobs
from training.models import TrainingRun

# Not of the portal, or locks of its processes.
_STAYS = {UNFINISHED, ".lock", OF_THE_DISK}
# As the portal makes its files: a model server may run as somebody else.
_PLAIN = 0o666


@dataclass(frozen=True, slots=True)
class Restored:
    """`notes` are for whoever runs the portal."""

    backup: Path
    manifest: Manifest
    revision: int
    notes: list[str]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return {
            "backup": str(self.backup),
            "made_at": self.manifest.made_at,
            "files": len(self.manifest.files),
            "bytes": self.manifest.size,
            "counts": self.manifest.counts,
            "revision": self.revision,
            "problems": self.manifest.problems,
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
        }


def restore(source: Path, *, replace: bool = False) -> Restored:
    """Make this home and database what the backup at `source` says.

    `source` is a folder, of which the newest backup is taken, or the list of one. Raises
    `UserError`: `no-backup`, `damaged`, `format`, `other-database`, `other-release`, `not-empty`,
    `unknown-tables`, `running`, `no-room`, and those of `databases`. Nothing is changed then.
    """
    started = time.monotonic()
    of, path = folder.found(source)
    manifest = folder.read(path)
    _check_fits(manifest)
    _check_replaceable(manifest, replace=replace or unfinished().exists())
    if wrong := of.damage(manifest):
        raise UserError(
            "damaged",
            f"The backup {path} is damaged: {told(wrong)}. Nothing was changed. Take a copy that "
            "was kept elsewhere, or name another backup of that folder.",
        )
    _check_room(manifest)
    with _staged(of, manifest):
        _load(of.file(manifest.files[DATABASE].sha256))
        for root in FOLDERS.values():
            _swap(root())
        _settle()
        notes = list(_key(of, manifest))
        revision = retrieval.rebuild()
    unfinished().unlink()
    return Restored(path, manifest, revision, notes, time.monotonic() - started)


# --- Before anything is changed -----------------------------------------------------------------
def _check_fits(manifest: Manifest) -> None:
    databases.check_readable(manifest.database, manifest.client)
    differing = _differing(manifest)
    if differing or manifest.schema != tables.schema():
        what = told(differing) or "its tables are of another form"
        raise UserError(
            "other-release",
            f"The backup is of docportal {manifest.docportal} with other migrations ({what}). "
            "Install the release that made it, restore there, then upgrade as usual.",
        )


def _differing(manifest: Manifest) -> list[str]:
    """The migrations by which the tables of a backup are not what this release works with. It
    works with those of the release after it as well, and has then made the backup itself."""
    made, known = set(manifest.migrations), set(tables.known_migrations())
    return sorted(known - made if manifest.docportal == RELEASE else known ^ made)


def _check_replaceable(manifest: Manifest, *, replace: bool) -> None:
    alive = _alive_workers()
    if alive:
        raise UserError(
            "running",
            f"Workers of this portal are alive: {told(alive)}. Stop web, workers and trainers, "
            f"wait {ALIVE.seconds} seconds, and run this again.",
        )
    there = _what_is_there()
    if there and not replace:
        raise UserError(
            "not-empty",
            f"There is something here already: {told(there)}. Restore into a new home and an empty "
            "database, or have all of it replaced with --replace.",
        )
    if databases.has_tables() and databases.keeps_unknown_tables():
        _check_known(manifest)


def _check_known(manifest: Manifest) -> None:
    unknown = sorted(set(tables.applied_migrations()) - set(manifest.migrations))
    if unknown:
        raise UserError(
            "unknown-tables",
            f"The database is of a later release ({told(unknown)}), whose tables would stay beside "
            "those of the backup. Name an empty database in DATABASE_URL, or empty this one.",
        )


def _alive_workers() -> list[str]:
    if not _is_of_this_release():
        return []
    alive = Worker.objects.filter(seen_at__gt=timezone.now() - ALIVE)
    return list(alive.values_list("name", flat=True))


def _is_of_this_release() -> bool:
    """Whether the database has all the tables that can be asked for."""
    return databases.has_tables() and not tables.missing_migrations()


def _what_is_there() -> list[str]:
    if _is_of_this_release():
        rows = [f"{count} {name}" for name, count in contents.counts().items() if count]
    else:
        rows = ["tables of another release"] if databases.has_tables() else []
    return rows + [f"files in {root()}" for root in FOLDERS.values() if _has_files(root())]


def _has_files(root: Path) -> bool:
    return any(
        path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
        for path in root.rglob("*")
    )


def _check_room(manifest: Manifest) -> None:
    """Old and new lie beside each other for a while."""
    needed = dict.fromkeys((root() for root in FOLDERS.values()), 0)
    for name, one in manifest.files.items():
        if (first := name.partition("/")[0]) in FOLDERS:
            needed[FOLDERS[first]()] += one.size
    if databases.kind() == "sqlite":
        # Once in its place, and once in the journal that makes it whole or not at all.
        needed[Path(settings.DOCPORTAL_HOME)] = 2 * manifest.files[DATABASE].size
    require_room(needed, "What is restored")


@contextlib.contextmanager
def _staged(of: BackupFolder, manifest: Manifest) -> Iterator[None]:
    """Every file on the disk of its place, where renaming it is one step; gone after the block."""
    try:
        _stage(of, manifest)
        yield
    finally:
        for root in FOLDERS.values():
            shutil.rmtree(root() / UNFINISHED, ignore_errors=True)


def _stage(of: BackupFolder, manifest: Manifest) -> None:
    for root in FOLDERS.values():
        shutil.rmtree(root() / UNFINISHED, ignore_errors=True)
        (root() / UNFINISHED).mkdir(parents=True)
    for name, one in manifest.files.items():
        first, _, path = name.partition("/")
        if first not in FOLDERS:
            continue
        target = FOLDERS[first]() / UNFINISHED / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if folder.copy(of.file(one.sha256), target, _PLAIN) != one:
            raise UserError("damaged", f"{name} changed while it was read. Nothing was changed.")
    for root in FOLDERS.values():
        for made in (root() / UNFINISHED).rglob("*"):
            if made.is_dir():
                sync(made)


# --- The change ---------------------------------------------------------------------------------
def _load(dump: Path) -> None:
    """Set the mark and read the database in. Where it could not be, all is as it was."""
    goes_on = unfinished().exists()
    unfinished().touch()
    sync(unfinished().parent)
    try:
        databases.load(dump)
    except UserError:
        if not goes_on:
            unfinished().unlink()
        raise


def _swap(root: Path) -> None:
    for old in root.iterdir():
        if old.name in _STAYS:
            continue
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink()
    for new in (root / UNFINISHED).iterdir():
        new.rename(root / new.name)
    (root / UNFINISHED).rmdir()
    sync(root)


def _settle() -> None:
    """What a state of the past must not say of the present."""
    Worker.objects.all().delete()
    for run in TrainingRun.objects.all():
        run.folder.mkdir(parents=True, exist_ok=True)
    jobs.begin_anew()


def _key(of: BackupFolder, manifest: Manifest) -> Iterator[str]:
    """Put the key into the home, where it is the home's; yields what is to be done by hand."""
    kept = manifest.files.get(SECRET_KEY)
    if kept is None and contents.key_is_in_home():
        yield "The backup holds no secret key: set SECRET_KEY as it was, or everybody logs in anew."
    elif kept is not None and contents.key_is_in_home():
        new = contents.key_path().with_name(f"{SECRET_KEY}.new")
        folder.copy(of.file(kept.sha256), new)
        new.replace(contents.key_path())
        sync(new.parent)
    elif kept is not None and of.file(kept.sha256).read_text() != settings.SECRET_KEY:
        yield "SECRET_KEY is another one than in the backup, so everybody has to log in anew."
