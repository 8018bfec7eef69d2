"""A sync as a claimed job: the source's row is the job, its fence the right to write.

As with versions (`ingestion.jobs`): a claim raises `fence` and sets a lease, and whatever is done
to a document afterwards names the fence in the same transaction.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from ingestion import leases
from ingestion.leases import LeaseLost
from ingestion.models import Source, SourceFile

State = Source.State
Answer = SourceFile.Answer
MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Claim:
    source: Source
    fence: int


def due(limit: int = 100) -> list[int]:
    """Sources that should be synced now and that nobody works on."""
    by_schedule = Q(state=State.IDLE, next_at__lte=timezone.now())
    waiting = Q(leases.ended(), state__in=(State.QUEUED, State.SYNCING))
    found = Source.objects.filter(by_schedule | waiting)
    return list(found.order_by("next_at", "pk").values_list("pk", flat=True)[:limit])


def with_mirror() -> set[int]:
    """Sources that need a mirror. One that follows a folder by now needs it no more."""
    return set(Source.objects.filter(kind=Source.Kind.GIT).values_list("pk", flat=True))


def claim(source_id: int) -> Claim | None:
    """Take a source that is due or was asked for; None when there is nothing to do.

    One at which `MAX_ATTEMPTS` workers died without getting on is left until the next time.
    """
    due_now = Q(state=State.QUEUED) | Q(state=State.IDLE, next_at__lte=timezone.now())
    with transaction.atomic():
        claimed = Source.objects.filter(
            due_now | Q(state=State.SYNCING), leases.ended(), pk=source_id
        ).update(
            state=State.SYNCING,
            fence=F("fence") + 1,
            attempts=F("attempts") + 1,
            lease_until=leases.until(),
        )
        if not claimed:
            return None
        source = Source.objects.select_related("collection").get(pk=source_id)
        job = Claim(source, source.fence)
        if source.attempts > MAX_ATTEMPTS:
            fail(job, "The sync stopped three times without getting on. Tell an admin.")
            return None
    return job


def lease_kept(job: Claim) -> AbstractContextManager[None]:
    return leases.kept(_mine(job))


def hold(job: Claim) -> None:
    """Inside the transaction of each thing that is done: raises `LeaseLost` in another's turn."""
    _write(job, attempts=0)


def reach(job: Claim, commit: str) -> None:
    """All up to this commit is taken."""
    _write(job, commit=commit)


def ask(job: Claim, gone: list[str]) -> None:
    """Stop until somebody says whether the documents at these paths are to be archived."""
    with transaction.atomic():
        _end(job, State.ASKING, failure="")
        files = SourceFile.objects.filter(source=job.source)
        files.filter(answer=Answer.ASKED).update(answer=Answer.NONE)
        for start in range(0, len(gone), 500):
            some = gone[start : start + 500]
            files.filter(document__path__in=some).update(answer=Answer.ASKED)


def finish(job: Claim, report: dict[str, Any], *, changed: bool) -> None:
    values: dict[str, Any] = {"changed_at": timezone.now()} if changed else {}
    _end(job, State.IDLE, failure="", report=report, **values)


def fail(job: Claim, reason: str, *, soon: bool = False) -> None:
    """What was taken stays; the next look comes by schedule, or `soon`, after a minute."""
    _end(job, State.IDLE, soon=soon, failure=reason[:500])


def _end(job: Claim, state: State, *, soon: bool = False, **values: Any) -> None:
    """The next look comes by the interval of the row, which may have been edited meanwhile."""
    now = timezone.now()
    with transaction.atomic():
        _write(job, state=state, attempts=0, lease_until=None, looked_at=now, **values)
        source = Source.objects.filter(pk=job.source.pk)
        every = 1 if soon else source.values_list("every_minutes", flat=True).get()
        source.update(next_at=now + timedelta(minutes=every))


def _mine(job: Claim) -> QuerySet[Source]:
    return Source.objects.filter(pk=job.source.pk, fence=job.fence, state=State.SYNCING)


def _write(job: Claim, **values: Any) -> None:
    if not _mine(job).update(**values):
        raise LeaseLost(f"source {job.source.pk} was claimed by another worker, or changed")
