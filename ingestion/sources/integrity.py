"""Whether sources agree with their mirrors, their schedule and the documents that they brought.

That a mirror is missing or lies behind is no problem: it is a cache of this machine, and the next
sync fetches what it lacks, from the address that the source has by then.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from ingestion import leases
from ingestion.errors import UserError
from ingestion.models import DocumentVersion, Source, SourceFile
from ingestion.problems import GRACE, Check, Problem, is_left
from ingestion.sources import git, jobs, services
from ingestion.sources.git import Mirror
from ingestion.sources.git_process import GitFailed
from ingestion.storage import original_path

State = Source.State


# --- Mirrors -----------------------------------------------------------------------------------
def mirrors() -> Iterator[Problem]:
    """Those of no source, and what the next sync would stumble over in the others."""
    sources = Source.objects.in_bulk(jobs.with_mirror())
    for key, paths in git.mirrors().items():
        if key in sources:
            yield from _of_mirror(_mirror(sources[key]), f"Of source {key}")
        elif all(is_left(path) for path in paths):
            yield Problem("mirror-orphan", f"Of source {key}", _forget_orphans)


def _mirror(source: Source) -> Mirror:
    return Mirror(source.pk, source.location, source.branch, source.subfolder)


def _of_mirror(mirror: Mirror, what: str) -> Iterator[Problem]:
    if left := _left(mirror):
        repair = partial(_remove_left, mirror)
        yield Problem("mirror-leftover", f"{what}, {len(left)} files", repair)
    if _is_damaged(mirror):
        yield Problem("mirror-damaged", what, partial(_forget, mirror))


def _left(mirror: Mirror) -> list[Path]:
    return [path for path in mirror.unfinished() if is_left(path)]


def _is_damaged(mirror: Mirror) -> bool:
    """Looked at once more while nobody writes: what is being written looks the same. The lock is
    not kept for the first look, as a sync waits for it a minute only."""
    try:
        if not mirror.folder.exists() or mirror.is_whole():
            return False
        with mirror.locked():
            return mirror.folder.exists() and not mirror.is_whole()
    except UserError:  # Without git, or while somebody fetches, nobody can say.
        return False


def _forget_orphans() -> bool:
    git.forget_mirrors(kept=jobs.with_mirror())
    return True


def _remove_left(mirror: Mirror) -> bool:
    try:
        with mirror.locked():
            for path in _left(mirror):
                path.unlink(missing_ok=True)
    except UserError:
        return False
    return True


def _forget(mirror: Mirror) -> bool:
    """The next sync fetches all of it again."""
    try:
        with mirror.locked():
            mirror.forget()
    except UserError:
        return False
    return True


# --- Whose turn it is --------------------------------------------------------------------------
def turns() -> Iterator[Problem]:
    """Each is looked at again: in time, or when its question is answered."""
    for source in _held().order_by("pk"):
        yield Problem("source-lease", f"Source {source.pk}", partial(_free, source.pk))
    for source in Source.objects.filter(state=State.IDLE).order_by("pk"):
        if not comes_in_time(source.next_at, source.every_minutes, timezone.now()):
            repair = partial(services.request_sync, source=source)
            yield Problem("source-forgotten", f"Source {source.pk}", repair)
    asked = SourceFile.objects.filter(source=OuterRef("pk"), answer=SourceFile.Answer.ASKED)
    for source in Source.objects.filter(~Exists(asked), state=State.ASKING).order_by("pk"):
        what = f"Source {source.pk} asks about no document"
        yield Problem("source-question", what, partial(services.request_sync, source=source))


def comes_in_time(next_at: datetime | None, every_minutes: int, now: datetime) -> bool:
    """Whether an idle source is looked at again no later than its interval has it."""
    return next_at is not None and next_at <= now + timedelta(minutes=every_minutes) + GRACE


def _held() -> QuerySet[Source]:
    return Source.objects.filter(leases.impossible())


def _free(pk: int) -> bool:
    return bool(_held().filter(pk=pk).update(lease_until=None))


# --- Documents ---------------------------------------------------------------------------------
def documents() -> Iterator[Problem]:
    """Each that a source brought is of its collection and has the bytes that were taken, and
    nothing is missing of the commit up to which all is taken.

    Whoever moved one to other readers may have meant it, so a person has to decide.
    """
    elsewhere = SourceFile.objects.exclude(document__collection=F("source__collection"))
    for file in elsewhere.order_by("pk"):
        yield Problem("source-file-collection", _named(file))
    for file in _untaken():
        repair = partial(_take_again, file.pk, file.source_id)
        yield Problem("source-file-untaken", _named(file), repair)
    for source in _finished().order_by("pk"):
        if lacking := _lacking(source):
            what = f"Source {source.pk} does not hold {lacking} files of its commit"
            repair = partial(services.begin_anew, source_id=source.pk)
            yield Problem("source-commit", what, repair)


def _named(file: SourceFile) -> str:
    return f"Document {file.document_id} of source {file.source_id}"


def _untaken() -> Iterator[SourceFile]:
    """Those of no version's bytes: the file would be held to be taken until it changes."""
    by_sha256 = DocumentVersion.objects.filter(
        document=OuterRef("document"), sha256=OuterRef("fingerprint")
    )
    others = SourceFile.objects.filter(~Exists(by_sha256)).exclude(fingerprint="")
    for file in others.order_by("pk"):
        versions = DocumentVersion.objects.filter(document=file.document_id).order_by("-number")
        hashes = versions.values_list("sha256", flat=True)
        if all(is_another(original_path(sha256), file.fingerprint) for sha256 in hashes):
            yield file


def is_another(original: Path, fingerprint: str) -> bool:
    """Whether git has another name for the bytes; False also when they cannot be known."""
    try:
        content = original.read_bytes()
    except FileNotFoundError:
        return False
    if hashlib.sha256(content).hexdigest() != original.name:
        return False
    algorithm = "sha256" if len(fingerprint) == len(original.name) else "sha1"
    named = hashlib.new(algorithm, b"blob %d\0" % len(content), usedforsecurity=False)
    named.update(content)
    return named.hexdigest() != fingerprint


def _take_again(pk: int, source_id: int) -> bool:
    """No file has an empty fingerprint, so the next sync takes this one, whatever it holds."""
    with transaction.atomic():
        services.begin_anew(source_id=source_id)
        files = SourceFile.objects.filter(pk=pk)
        return bool(files.update(fingerprint="", size=0, mtime_ns=0))


def _finished() -> QuerySet[Source]:
    """Those whose last sync took all that stands in their commit."""
    taken = Source.objects.filter(kind=Source.Kind.GIT, state=State.IDLE, failure="")
    return taken.exclude(commit="")


def _lacking(source: Source) -> int:
    """How many files stand in its commit and are not held so; none when its mirror cannot say, or
    when somebody has synced it meanwhile."""
    try:
        found = _mirror(source).snapshot(source.commit).fingerprints
    except (GitFailed, UserError):
        return 0
    held = dict(source.files.values_list("document__path", "fingerprint"))
    lacking = sum(held.get(path) != mark for path, mark in found.items())
    is_same = lacking and _finished().filter(pk=source.pk, fence=source.fence).exists()
    return lacking if is_same else 0


CHECKS = (
    Check(lambda: len(git.mirrors()), mirrors),
    Check(Source.objects.count, turns),
    Check(SourceFile.objects.count, documents),
)
