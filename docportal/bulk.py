"""Bringing a whole tree of files in line with a collection, in this process."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from django.db import connection
from django.db.models import Count, OuterRef, Subquery
from django.utils import timezone

from docportal.pipeline import process
from docportal.tree import Tree, unreadable
from ingestion import services
from ingestion.errors import UploadError
from ingestion.jobs import UNFINISHED
from ingestion.models import Collection, Document, DocumentVersion
from ingestion.storage import sha256_of
from router import retrieval
from training import precedents
from training.imports import import_pairs
from training.synthesis.versions import mine_collection

Servers = Callable[[], AbstractContextManager[None]]
"""While one is entered, the embedding server answers, if it can be started."""

PARSED, FAILED, UNCHANGED = "parsed", "failed", "unchanged"
# While one file is written to the database, two others keep parser and embedding server busy.
WORKERS = 3
# Seconds that a file waits which another process has.
LONGEST_WAIT, LOOK_EVERY = 300.0, 0.5


@dataclass(slots=True)
class Report:
    """The outcome of one ingest; `documents` and `failed` have a row for each file."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    archived: int = 0
    retyped: int = 0
    pairs: int = 0
    mined: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def documents_kept(self) -> bool:
        return any(row["status"] != FAILED for row in self.documents)

    def fail(self, path: str, reason: str) -> None:
        self.failed.append({"path": path, "reason": reason})

    def refuse(self, path: str, reason: str) -> None:
        """A file of which no version was made."""
        self.fail(path, reason)
        self.documents.append(
            {"path": path, "document": None, "version": None, "chunks": 0, "status": FAILED}
        )

    def as_json(self) -> dict[str, Any]:
        counts = ("created", "updated", "unchanged", "archived", "retyped", "pairs", "mined")
        names = (*counts, "failed", "documents")
        return {**{name: getattr(self, name) for name in names}, "seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class Known:
    """What the collection holds at a path: the newest version's hash, and whether it is settled."""

    sha256: str
    settled: bool


def ingest_tree(
    tree: Tree,
    *,
    collection: Collection,
    doc_type: str,
    replace_tree: bool,
    servers: Servers,
    progress: Callable[[str], Any],
) -> Report:
    """Store what changed, make it searchable, archive what is gone, import and mine pairs, and have
    them answer questions.

    A `doc_type` is that of all documents of the tree, whatever they were before.
    `servers()` is entered only when there is something to index, or pairs are new or changed; both
    wait where none can be started. One bad file never stops the others: it ends in `failed` with
    its reason.
    """
    report = Report()
    for path, reason in tree.others:
        report.fail(path, reason)
    changed = dict(_changed(tree, collection, report))
    pending = list(_store(changed, collection, doc_type, report))
    if doc_type:
        # Before anything is mined: marketing is not.
        report.retyped = _retype(tree, collection, doc_type)
    with servers() if pending else nullcontext():
        make_searchable(pending, progress=progress)
        if replace_tree:
            report.archived = _archive_missing(collection, tree)
        if pending or report.archived:
            retrieval.refresh()
        _describe(tree, changed, collection, report)
        report.pairs = _import_pairs(tree, collection, report)
        report.mined = mine_collection(collection).new
        refresh_precedents(servers=servers)
    return report


def refresh_precedents(*, servers: Servers) -> None:
    """Have the pairs that are new or changed answer questions; `servers` as in `ingest_tree`."""
    if precedents.outdated():
        with servers():
            precedents.refresh()


def _known(collection: Collection) -> dict[str, Known]:
    newest = DocumentVersion.objects.filter(document=OuterRef("pk")).order_by("-number")
    rows = collection.documents.annotate(
        newest_sha256=Subquery(newest.values("sha256")[:1]),
        newest_state=Subquery(newest.values("state")[:1]),
    ).values_list("path", "newest_sha256", "newest_state", "archived_at")
    return {
        path: Known(sha256, state == DocumentVersion.State.READY and archived_at is None)
        for path, sha256, state, archived_at in rows
    }


def _changed(tree: Tree, collection: Collection, report: Report) -> Iterator[tuple[str, Path]]:
    known = _known(collection)
    for path, file in tree.documents.items():
        try:
            sha256 = sha256_of(file)
        except OSError as error:
            report.refuse(path, unreadable(error))
            continue
        if known.get(path) != Known(sha256, settled=True):
            yield path, file


def _store(
    changed: dict[str, Path], collection: Collection, doc_type: str, report: Report
) -> Iterator[int]:
    """Keep each file as a version; yields the ids of those that are still to be processed."""
    for path, file in changed.items():
        try:
            with file.open("rb") as content:
                change = services.add_version(
                    collection=collection,
                    path=path,
                    content=content,
                    author=None,
                    doc_type=doc_type,
                    enqueue=False,
                )
        except UploadError as error:
            report.refuse(path, str(error))
            continue
        if change.kind == "created":
            report.created += 1
        elif change.kind == "updated":
            report.updated += 1
        yield change.version.pk


def _retype(tree: Tree, collection: Collection, doc_type: str) -> int:
    others = collection.documents.exclude(doc_type=doc_type, doc_type_guessed=False)
    found = [document for document in others if document.path in tree.documents]
    for document in found:
        services.edit_document(document=document, actor=None, doc_type=doc_type)
    return len(found)


def make_searchable(version_ids: list[int], *, progress: Callable[[str], Any]) -> None:
    """Process versions in this process, several at a time. The embedding server must answer, or
    they wait for one."""
    with ThreadPoolExecutor(WORKERS) as pool:
        for done, _ in enumerate(pool.map(_process_one, version_ids), start=1):
            if done % 50 == 0 or done == len(version_ids):
                progress(f"{done} of {len(version_ids)} files processed")


def _process_one(version_id: int) -> None:
    """What another process has is waited for, and taken up if that dies."""
    version = DocumentVersion.objects.filter(pk=version_id, state__in=UNFINISHED)
    deadline = time.monotonic() + LONGEST_WAIT
    try:
        while not process(version_id) and version.exists() and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
    finally:
        connection.close()


def _describe(tree: Tree, changed: dict[str, Path], collection: Collection, report: Report) -> None:
    newest = DocumentVersion.objects.filter(document=OuterRef("document")).order_by("-number")
    rows = (
        DocumentVersion.objects.filter(document__collection=collection)
        .filter(number=Subquery(newest.values("number")[:1]))
        .order_by("document__path")
        .values_list(
            *("document__path", "document__slug", "number", "state"),
            *("failure_reason", "lease_until"),
            Count("chunks"),
        )
    )
    refused = {row["path"] for row in report.documents}
    for path, slug, number, state, reason, lease_until, chunks in rows:
        if path not in tree.documents or path in refused:
            continue
        status = PARSED if path in changed else UNCHANGED
        if status == UNCHANGED:
            report.unchanged += 1
        elif state != DocumentVersion.State.READY:
            status = FAILED
            report.fail(path, reason or _why_unfinished(lease_until))
        report.documents.append(
            {"path": path, "document": slug, "version": number, "chunks": chunks, "status": status}
        )


def _why_unfinished(lease_until: datetime | None) -> str:
    """Of a version that is neither searchable nor failed: somebody has it, or it was put back."""
    if is_in_hand(lease_until):
        return "Another process still works on it."
    return "The embedding server does not answer. A worker goes on when it does, or ingest it then."


def is_in_hand(lease_until: datetime | None) -> bool:
    """Whether another process works on an unfinished version; else it waits for the embedding
    server."""
    return lease_until is not None and lease_until > timezone.now()


def _archive_missing(collection: Collection, tree: Tree) -> int:
    gone = [
        document
        for document in Document.objects.filter(collection=collection, archived_at=None)
        if not tree.may_hold(document.path)
    ]
    for document in gone:
        services.archive_document(document=document, actor=None)
    return len(gone)


def _import_pairs(tree: Tree, collection: Collection, report: Report) -> int:
    documents = {document.path: document for document in collection.documents.all()}
    created = 0
    for path, file in tree.pairs.items():
        if path not in documents:
            continue
        beside = str(PurePosixPath(path).with_name(file.name))
        try:
            with file.open(encoding="utf-8-sig", errors="replace") as lines:
                result = import_pairs(documents[path], lines)
        except OSError as error:
            report.fail(beside, unreadable(error))
            continue
        created += result.created
        for number, reason in sorted([*result.failed, *result.unproven]):
            report.fail(beside, f"line {number}: {reason}")
    return created
