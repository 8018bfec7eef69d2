"""Processing a version as a claimed job: the row is the job, its fence the right to write.

A claim raises `fence` and sets a lease; the holder renews the lease while it works. Every later
write is an UPDATE that names the fence, so a worker that was thought dead and comes back finds
that it may not write any more (`LeaseLost`).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from ingestion import doc_types, leases, publication
from ingestion.chunking import ChunkDraft
from ingestion.hooks import announce
from ingestion.leases import LeaseLost
from ingestion.models import Chunk, Document, DocumentVersion, Event, Reader

State = DocumentVersion.State
UNFINISHED = (State.QUEUED, State.PARSING, State.INDEXING)
MAX_ATTEMPTS = 3
# A sweep that is made was sent less than so long ago. The queue keeps the order, so what was sent
# before that has left it; the rest of the quiet time is for what a worker has taken and not begun.
SWEEP_EXPIRES = timedelta(seconds=20)
QUIET_BEFORE_POKE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Claim:
    version: DocumentVersion
    fence: int


def claim(version_id: int) -> Claim | None:
    """Take a version that nobody works on; None when there is nothing to do.

    A version whose chunks are already stored keeps its state `indexing` and goes on there. One
    that was given up by `MAX_ATTEMPTS` workers is set aside as failed.
    """
    with transaction.atomic():
        claimed = (
            _unattended()
            .filter(pk=version_id)
            .update(
                fence=F("fence") + 1,
                attempts=F("attempts") + 1,
                lease_until=leases.until(),
                poked_at=None,
            )
        )
        if not claimed:
            return None
        version = DocumentVersion.objects.select_related("document__collection").get(pk=version_id)
        job = Claim(version, version.fence)
        if version.attempts > MAX_ATTEMPTS:
            fail(job, "interrupted", "Processing stopped three times. Retry, or tell an admin.")
            return None
        if version.state == State.QUEUED:
            _write(job, state=State.PARSING)
            version.state = State.PARSING
    return job


def _unattended() -> QuerySet[DocumentVersion]:
    return DocumentVersion.objects.filter(leases.ended(), state__in=UNFINISHED)


def take_abandoned(limit: int = 1000) -> list[int]:
    """Versions that should be worked on and for which no message stands any more: it or their
    worker was lost. The caller sends one for each; until that may be lost too, they are not
    taken again."""
    now = timezone.now()
    # A clock that was wrong may have left a time in the future.
    stands = Q(poked_at__range=(now - QUIET_BEFORE_POKE, now + QUIET_BEFORE_POKE))
    waiting = _unattended().filter(~stands | Q(poked_at=None))
    taken = list(waiting.order_by("pk").values_list("pk", flat=True)[:limit])
    DocumentVersion.objects.filter(pk__in=taken).update(poked_at=now)
    return taken


def being_read(user: Reader) -> int:
    """How many documents that `user` may read have a version that is not searchable yet."""
    versions = DocumentVersion.objects.readable_by(user).filter(state__in=UNFINISHED)
    return versions.filter(document__archived_at=None).values("document").distinct().count()


def lease_kept(job: Claim) -> AbstractContextManager[None]:
    """Renew the lease in the background; on the way out give it up, so a retry need not wait."""
    return leases.kept(_mine(job).filter(state__in=UNFINISHED))


def save_chunks(job: Claim, title: str, drafts: Sequence[ChunkDraft]) -> None:
    """Store what the parser made of the file, whole, and go on to `indexing`."""
    with transaction.atomic():
        _write(job, state=State.INDEXING, title=title[:300], chunk_count=len(drafts))
        # One that failed after this point, and is retried, has those of the time before.
        Chunk.objects.filter(version=job.version).delete()
        Chunk.objects.bulk_create(
            [
                Chunk(
                    version=job.version,
                    position=position,
                    content_hash=draft.content_hash,
                    kind=draft.kind,
                    heading_path=list(draft.heading_path),
                    page=draft.page,
                    language=draft.language,
                    text=draft.text,
                    tokens=draft.tokens,
                )
                for position, draft in enumerate(drafts)
            ],
            batch_size=500,
        )
        job.version.state, job.version.title = State.INDEXING, title[:300]


def finish(job: Claim) -> None:
    """The version is searchable: mark it ready and serve it instead of the one before."""
    with transaction.atomic():
        _write(job, state=State.READY, lease_until=None)
        served = publication.publish(job.version)
        if served:
            _describe_document(job.version)
        _announce(Event.READY, job.version, served=served)


def _describe_document(version: DocumentVersion) -> None:
    document = Document.objects.get(pk=version.document_id)
    document.title = version.title
    if document.doc_type_guessed:
        opening = version.chunks.order_by("position").values_list("text", flat=True)[:5]
        document.doc_type = doc_types.guess(document.path, version.title, "\n".join(opening))
    document.save(update_fields=["title", "doc_type"])


def fail(job: Claim, failure_id: str, reason: str) -> None:
    """End the version as failed; what was served before goes on being served."""
    with transaction.atomic():
        _write(
            job,
            state=State.FAILED,
            failure_id=failure_id[:40],
            failure_reason=reason[:500],
            lease_until=None,
        )
        _announce(Event.FAILED, job.version, failure=failure_id[:40])


def _announce(event: Event, version: DocumentVersion, **more: object) -> None:
    document = Document.objects.select_related("collection").get(pk=version.document_id)
    facts = {
        "document": document.slug,
        "collection": document.collection.slug,
        "path": document.path,
        "title": document.title,
        "version": version.number,
    }
    announce(event, collections=[document.collection_id], facts=facts | more)


def put_back(job: Claim) -> None:
    """Leave the version for later without counting this as an attempt: a service was away."""
    _write(job, attempts=F("attempts") - 1)


def _mine(job: Claim) -> QuerySet[DocumentVersion]:
    return DocumentVersion.objects.filter(pk=job.version.pk, fence=job.fence)


def _write(job: Claim, **values: Any) -> None:
    if not _mine(job).update(**values):
        raise LeaseLost(f"version {job.version.pk} was claimed by another worker")
