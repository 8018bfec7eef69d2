"""Whether documents agree with themselves: stored originals, what is served, and passages."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from django.db import transaction
from django.db.models import Count, F, Max, QuerySet

from ingestion import jobs, leases, publication, restoring
from ingestion.chunking import content_hash
from ingestion.models import Chunk, CorpusRevision, Document, DocumentVersion
from ingestion.problems import Check, Problem, is_left
from ingestion.storage import NEW, original_path, originals_folder, sha256_of

State = DocumentVersion.State

BATCH_SIZE = 2_000
_HASH = re.compile(r"[0-9a-f]{64}")


# --- Originals ---------------------------------------------------------------------------------
def originals() -> Iterator[Problem]:
    """Every stored byte is compared with its name; what is gone or changed has no other copy."""
    versions = defaultdict(list)
    for pk, sha256 in DocumentVersion.objects.order_by("pk").values_list("pk", "sha256").iterator():
        versions[sha256].append(pk)
    for sha256, pks in versions.items():
        path, of = original_path(sha256), ", ".join(map(str, pks))
        if not path.is_file():
            yield Problem("original-missing", f"{sha256} of version {of}")
        elif sha256_of(path) != sha256:
            yield Problem("original-changed", f"{sha256} of version {of}")


def strays() -> Iterator[Problem]:
    """Files beside the originals that no row names."""
    files = [path for path in originals_folder().glob("**/*") if path.is_file()]
    known = set(DocumentVersion.objects.values_list("sha256", flat=True))
    for path in sorted(files):
        if not is_left(path):
            continue
        name = str(path.relative_to(originals_folder()))
        if path.name.startswith(NEW):
            yield Problem("original-leftover", name, partial(_remove_leftover, path))
        elif not _HASH.fullmatch(path.name) or path != original_path(path.name):
            yield Problem("original-misplaced", name)
        elif path.name not in known:
            yield Problem("original-orphan", name, partial(_remove_orphan, path))


def _remove_leftover(path: Path) -> bool:
    path.unlink(missing_ok=True)
    return True


def _remove_orphan(path: Path) -> bool:
    """Remove it unless somebody has just uploaded these bytes: then their file is put back."""
    aside = path.with_name(f"{NEW}{path.name}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return True
    if not is_left(aside) or DocumentVersion.objects.filter(sha256=path.name).exists():
        aside.rename(path)
        return False
    aside.unlink()
    return True


# --- Work --------------------------------------------------------------------------------------
def work() -> Iterator[Problem]:
    """A version that somebody can claim is left alone: the sweep finds it."""
    for pk in _held().order_by("pk").values_list("pk", flat=True):
        yield Problem("version-lease", f"Version {pk}", partial(_free, pk))


def _held() -> QuerySet[DocumentVersion]:
    return DocumentVersion.objects.filter(leases.impossible(), state__in=jobs.UNFINISHED)


def _free(pk: int) -> bool:
    return bool(_held().filter(pk=pk).update(lease_until=None))


# --- What is served ----------------------------------------------------------------------------
def serving() -> Iterator[Problem]:
    """Revisions come first: a change of what is served takes the next one."""
    yield from _revision()
    yield from _served_twice()
    yield from _not_served()
    yield from _archived()


def _served_twice() -> Iterator[Problem]:
    served = DocumentVersion.objects.served().order_by().values("document")
    twice = served.annotate(versions=Count("pk")).filter(versions__gt=1)
    for document in Document.objects.filter(pk__in=twice.values("document")).order_by("pk"):
        repair = partial(_publish, publication.serve_newest, document)
        yield Problem("served-twice", f"Document {document.pk}", repair)


def _not_served() -> Iterator[Problem]:
    served = DocumentVersion.objects.served().values("document")
    ready = DocumentVersion.objects.filter(state=State.READY).values("document")
    silent = Document.objects.filter(archived_at=None, pk__in=ready).exclude(pk__in=served)
    for document in silent.order_by("pk"):
        repair = partial(_publish, publication.republish_document, document)
        yield Problem("not-served", f"Document {document.pk} is ready", repair)


def _archived() -> Iterator[Problem]:
    served = DocumentVersion.objects.served().values("document")
    archived = Document.objects.filter(archived_at__isnull=False, pk__in=served)
    for document in archived.order_by("pk"):
        repair = partial(_publish, publication.withdraw_document, document)
        yield Problem("archived-served", f"Document {document.pk}", repair)


def _publish(change: publication.Change, document: Document) -> bool:
    with transaction.atomic():
        change(document)
    return True


def _revision() -> Iterator[Problem]:
    if (highest := _highest_revision()) > publication.current_revision():
        what = f"A version has revision {highest}, the corpus {publication.current_revision()}"
        yield Problem("corpus-revision", what, _raise_revision)


def _highest_revision() -> int:
    given = DocumentVersion.objects.aggregate(
        published=Max("published_revision"), withdrawn=Max("withdrawn_revision")
    )
    return max(given["published"] or 0, given["withdrawn"] or 0)


def _raise_revision() -> bool:
    CorpusRevision.objects.get_or_create(pk=1)
    highest = _highest_revision()
    CorpusRevision.objects.filter(pk=1, number__lt=highest).update(number=highest)
    return True


# --- Passages ----------------------------------------------------------------------------------
def passages() -> Iterator[Problem]:
    """A version's passages are all there, in a row, and what their hashes say."""
    counted = DocumentVersion.objects.annotate(there=Count("chunks")).order_by("pk")
    for pk, made, there in counted.exclude(chunk_count=F("there")).values_list(
        "pk", "chunk_count", "there"
    ):
        what = f"Version {pk} has {there} of {made}"
        yield Problem("passages-missing", what, partial(restoring.restore, pk))
    fields = ("version_id", "position", "content_hash", "kind", "heading_path", "text")
    rows = Chunk.objects.order_by("version_id", "position").values_list(*fields)
    for pk, of_version in itertools.groupby(rows.iterator(BATCH_SIZE), key=lambda row: row[0]):
        positions, changed = [], []
        for _, position, named, *content in of_version:
            positions.append(position)
            if content_hash(*content) != named:
                changed.append(position)
        if positions != list(range(len(positions))):
            what = f"Version {pk} has {len(positions)}, the last at position {positions[-1]}"
            yield Problem("passage-positions", what, partial(restoring.restore, pk))
        if changed:
            what = f"Version {pk}, position {', '.join(map(str, changed))}"
            yield Problem("passage-changed", what, partial(restoring.restore, pk))


CHECKS = (
    Check(DocumentVersion.objects.count, originals),
    Check(lambda: sum(1 for _ in originals_folder().glob("**/*")), strays),
    Check(DocumentVersion.objects.count, work),
    Check(Document.objects.count, serving),
    Check(Chunk.objects.count, passages),
)
