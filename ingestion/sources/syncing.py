"""One sync: look at the source, ask where too much is gone, then take it file by file.

A process may be killed between any two lines. What was done to a document and what is known of its
file are one transaction, so the next sync goes on with what is left.
"""

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from django.db import transaction

from ingestion import services
from ingestion.commits import NOTE_LENGTH, Commit, plain
from ingestion.errors import UploadError, UserError
from ingestion.leases import LeaseLost
from ingestion.models import Document, Source, SourceFile
from ingestion.moving import move_document
from ingestion.sources import git, jobs, planning
from ingestion.sources.folder import WatchedFolder
from ingestion.sources.git import Mirror
from ingestion.sources.git_process import GitFailed, GitStopped
from ingestion.sources.planning import Plan
from ingestion.sources.reports import Report
from ingestion.sources.snapshots import Entry, Snapshot
from ingestion.storage import keep_original

logger = logging.getLogger(__name__)

Answer = SourceFile.Answer
AS_OF = "As of: "
"""Before the message of a commit that need not be the one that changed the document."""


class Origin(Protocol):
    def opened(self, entry: Entry) -> AbstractContextManager[BinaryIO]: ...


def sync(source_id: int, *, enqueue: bool = True) -> bool:
    """Claim the source and bring its collection up to date; False if there was nothing to do.

    How it ended stands in the row; what was stopped is left to the next claim. `enqueue=False`
    leaves the new versions to the caller.
    """
    job = jobs.claim(source_id)
    if job is None:
        return False
    try:
        with jobs.lease_kept(job):
            _Sync(job, enqueue=enqueue).run()
    except LeaseLost:
        logger.warning("%s was taken over, changed or removed meanwhile.", job.source)
    except GitStopped as stopped:
        logger.warning("%s: %s", job.source, stopped)
    return True


@dataclass(frozen=True, slots=True)
class Step:
    """A state of the source, and who made it so. `as_of`: not each file of it was changed there."""

    found: Snapshot
    commit: Commit | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    as_of: bool = False

    @property
    def note(self) -> str:
        if self.commit is None:
            return ""
        return plain(f"{AS_OF if self.as_of else ''}{self.commit.message}", NOTE_LENGTH)


class _Sync:
    """The state of one sync: what it may write as, and what it tells."""

    def __init__(self, job: jobs.Claim, *, enqueue: bool) -> None:
        self.job, self.source, self.enqueue = job, job.source, enqueue
        self.report = Report()

    def run(self) -> None:
        try:
            if self.source.kind == Source.Kind.GIT:
                self._git()
            else:
                self._folder()
        except GitStopped:
            raise
        except UserError as error:
            jobs.fail(self.job, str(error), soon=error.id == git.BUSY)
        except GitFailed as failed:
            jobs.fail(self.job, str(failed.told(self.source.branch)))

    # --- The two kinds ------------------------------------------------------------------------
    def _git(self) -> None:
        source = self.source
        mirror = Mirror(source.pk, source.location, source.branch, source.subfolder)
        with mirror.locked():
            head = mirror.fetch(history=bool(source.commit))
            # What was left out may be taken by now: a limit of size can be raised.
            is_taken = head == source.commit and not source.report.get("failures")
            if is_taken and not self._is_answered():
                jobs.finish(self.job, source.report, changed=False)
                return
            try:
                self._follow(mirror, head)
            except GitFailed:
                mirror.forget()
                raise

    def _follow(self, mirror: Mirror, head: str) -> None:
        before = self.source.commit
        history, newest = mirror.history(before, head), mirror.snapshot(head)
        self.report.whole = history.whole
        renamed = mirror.renamed(before, head) if before else {}
        if not self._may_go(newest, renamed):
            return
        for commit in history.commits:
            step = Step(mirror.snapshot(commit.id), commit, mirror.renamed(before, commit.id))
            self._take(step, mirror, newest)
            self.report.commits += 1
            jobs.reach(self.job, commit.id)
            before = commit.id
        self._take(Step(newest, history.newest, renamed, as_of=True), mirror, newest)
        jobs.reach(self.job, head)
        mirror.tidy()
        self._finish(newest)

    def _folder(self) -> None:
        folder = WatchedFolder(self.source.location, self.source.subfolder)
        found = folder.snapshot(self._held())
        if self._may_go(found, {}):
            self._take(Step(found), folder, found)
            self._finish(found)

    # --- What may go --------------------------------------------------------------------------
    def _may_go(self, newest: Snapshot, renamed: Mapping[str, str]) -> bool:
        """Whether all that is gone may be archived; if not, the question is asked instead."""
        files = self.source.files.select_related("document")
        answers = dict(files.values_list("document__path", "answer"))
        if not answers and not newest.files and not newest.waiting:
            raise UserError(
                "nothing-there", "There is no file here of a kind that is read. Is this the place?"
            )
        back = [path for path, answer in answers.items() if answer and path in newest.files]
        if back:
            with transaction.atomic():
                jobs.hold(self.job)
                files.filter(document__path__in=back).update(answer=Answer.NONE)
        plan = self._plan(newest, renamed)
        unasked = [path for path in plan.gone if answers[path] in (Answer.NONE, Answer.ASKED)]
        if planning.too_many(len(unasked), len(answers)):
            jobs.ask(self.job, unasked)
            return False
        return True

    def _is_answered(self) -> bool:
        return self.source.files.filter(answer=Answer.ARCHIVE).exists()

    def _plan(self, found: Snapshot, renamed: Mapping[str, str]) -> Plan:
        held = {path: entry.fingerprint for path, entry in self._held().items()}
        return planning.plan(held, found.fingerprints, present=found.present, renamed=renamed)

    def _held(self) -> dict[str, Entry]:
        rows = self.source.files.values_list(
            "document__path", "fingerprint", "size", "mtime_ns", "document__path"
        )
        return {path: Entry(where, mark, size, at) for path, mark, size, at, where in rows}

    # --- Taking it ----------------------------------------------------------------------------
    def _take(self, step: Step, origin: Origin, newest: Snapshot) -> None:
        """Do what the step asks for; only what is gone for good is archived."""
        plan = self._plan(step.found, step.renamed)
        for old, to in plan.moves:
            self._move(old, to)
        # Some could not be moved, and are new at their path.
        plan = self._plan(step.found, {}) if plan.moves else plan
        for path in plan.changed:
            self._keep(path, step, origin)
        for path in plan.gone:
            if path not in newest.files and path not in newest.present:
                self._archive(path)

    def _keep(self, path: str, step: Step, origin: Origin) -> None:
        entry = step.found.files[path]
        try:
            with origin.opened(entry) as content:
                stored = keep_original(content)
        except UploadError as error:
            self.report.refuse(path, str(error))
            return
        with transaction.atomic():
            jobs.hold(self.job)
            change = services.add_stored(
                collection=self.source.collection,
                path=path,
                stored=stored,
                note=step.note,
                commit=step.commit,
                verb="synced",
                enqueue=self.enqueue,
            )
            SourceFile.objects.update_or_create(
                document=change.version.document,
                defaults={
                    "source": self.source,
                    "fingerprint": entry.fingerprint,
                    "size": entry.size,
                    "mtime_ns": entry.mtime_ns,
                    "answer": Answer.NONE,
                },
            )
        self.report.count(change.kind)

    def _move(self, old: str, to: str) -> None:
        """Where the new path was another document's, the old one is archived instead."""
        with transaction.atomic():
            jobs.hold(self.job)
            document = self._document(old)
            if move_document(document=document, path=to, actor=None):
                self.report.moved += 1
            else:
                self._let_go(document)

    def _archive(self, path: str) -> None:
        with transaction.atomic():
            jobs.hold(self.job)
            document = self._document(path)
            if document.source_file.answer != Answer.STAY:
                self._let_go(document)

    def _let_go(self, document: Document) -> None:
        services.archive_document(document=document, actor=None)
        SourceFile.objects.filter(document=document).delete()
        self.report.archived += document.archived_at is None

    def _document(self, path: str) -> Document:
        return Document.objects.select_related("collection", "source_file").get(
            collection=self.source.collection, path=path
        )

    def _finish(self, newest: Snapshot) -> None:
        self.report.describe(newest)
        if self.report.did_something:
            jobs.finish(self.job, self.report.as_json(), changed=True)
        else:
            told = self.report.told_as_json()
            jobs.finish(self.job, {**self.source.report, **told}, changed=False)
