"""A training run as a claimed job: the row is the job, its fence the right to write.

A claim takes a device, which one run at a time can have. Whoever has the claim renews the lease,
asks `check` before each piece of work, and names its fence in each write. `attempts` counts the
starts since the run last got further; a run that was given up by three of them has failed.
"""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from ingestion import leases
from ingestion.hooks import announce
from ingestion.leases import LeaseLost
from ingestion.models import Event
from training import process
from training.models import TrainingRun

State = TrainingRun.State
MAX_ATTEMPTS = 3


halt = threading.Event()
"""Set when this process has to end: its runs are left where they are, for the next worker."""


class Cancelled(Exception):
    """Somebody asked for the end of this run; stop its work."""


class Halted(Exception):
    """This process has to end; stop its work."""


@dataclass(frozen=True, slots=True)
class Claim:
    run: TrainingRun
    fence: int


def claim(run_id: int, devices: Sequence[str]) -> Claim | None:
    """Take a run that nobody works on, with the first of `devices` that is free.

    None when the run or every device is in other hands. A run that was under way keeps its state
    and goes on there; one that was given up too often is set aside as failed. A run that its worker
    left no longer keeps a device from another one: it waits in the queue, to go on later.
    """
    with transaction.atomic():
        if not (_take_any(run_id, devices) or _free(run_id, devices)):
            return None
        run = TrainingRun.objects.get(pk=run_id)
        job = Claim(run, run.fence)
        if run.attempts > MAX_ATTEMPTS:
            logs = f"{run.folder / process.LOG} or the log of the worker tells why"
            fail(job, "interrupted", f"The training stopped three times: {logs}.")
            return None
    return job


def _free(run_id: int, devices: Sequence[str]) -> bool:
    """Free the devices of runs that nobody works on, and take one of them."""
    if not unattended().filter(pk=run_id).exists():
        return False
    left = unattended().filter(state__in=TrainingRun.ACTIVE, device__in=devices)
    left.update(state=State.QUEUED, device="", fence=F("fence") + 1)
    return _take_any(run_id, devices)


def _take_any(run_id: int, devices: Sequence[str]) -> bool:
    return any(_take(run_id, device) for device in devices)


def _take(run_id: int, device: str) -> bool:
    try:
        with transaction.atomic():
            taken = (
                unattended()
                .filter(pk=run_id)
                .update(
                    state=Case(
                        When(state=State.QUEUED, then=Value(State.PREPARING)), default=F("state")
                    ),
                    device=device,
                    fence=F("fence") + 1,
                    attempts=F("attempts") + 1,
                    lease_until=leases.until(),
                    started_at=Coalesce("started_at", timezone.now()),
                )
            )
    except IntegrityError:  # Another run has the device.
        return False
    return bool(taken)


def unattended() -> QuerySet[TrainingRun]:
    """Runs that should be worked on and are not: those under way first, then as they came."""
    under_way_first = Case(When(state=State.QUEUED, then=1), default=0)
    return TrainingRun.objects.filter(leases.ended(), state__in=TrainingRun.UNFINISHED).order_by(
        under_way_first, "number"
    )


def lease_kept(job: Claim) -> AbstractContextManager[None]:
    """Renew the lease in the background; on the way out give it up, so a retry need not wait."""
    return leases.kept(_mine(job).filter(state__in=TrainingRun.UNFINISHED))


def check(job: Claim) -> None:
    """Raises what must end the work on this run at once: `LeaseLost`, `Cancelled`, `Halted`."""
    if halt.is_set():
        raise Halted
    row = _mine(job).values("cancel_requested_at").first()
    if row is None:
        raise LeaseLost(f"{job.run} was claimed by another worker")
    if row["cancel_requested_at"]:
        raise Cancelled


def enter(job: Claim, state: str, **values: Any) -> None:
    """The run has come to its next part, which is progress; `values` are other columns."""
    write(job, state=state, attempts=1, **values)
    job.run.state = state
    for name, value in values.items():
        setattr(job.run, name, value)


def count_anew(job: Claim) -> None:
    """The run got further: what it was given up for before no longer counts."""
    write(job, attempts=1)


def count_attempt(job: Claim) -> bool:
    """Its process ended without a word: whether the run may be tried once more."""
    write(job, attempts=F("attempts") + 1)
    return _mine(job).filter(attempts__lte=MAX_ATTEMPTS).exists()


def begin_anew() -> None:
    """Put every run that was under way back into the queue, from its beginning: its folder is gone.

    For when nobody works: whoever does may write no more.
    """
    TrainingRun.objects.filter(state__in=TrainingRun.ACTIVE).update(
        state=State.QUEUED,
        device="",
        fence=F("fence") + 1,
        lease_until=None,
        attempts=0,
        started_at=None,
    )


def put_back(job: Claim) -> None:
    """Leave the run for later without counting this as an attempt: this process has to end."""
    write(job, attempts=F("attempts") - 1)


def fail(job: Claim, failure_id: str, reason: str) -> None:
    """End the run as failed; its folder is kept, so that it can be resumed."""
    end(job, State.FAILED, failure_id=failure_id[:40], failure_reason=reason[:1000])


def end(job: Claim, state: str, **values: Any) -> None:
    """The run has ended as `state`; its device is free for the next."""
    with transaction.atomic():
        write(job, state=state, ended_at=timezone.now(), lease_until=None, **values)
        announce_end(job.run, state)
    job.run.state = state


def announce_end(run: TrainingRun, state: str) -> None:
    model = TrainingRun.objects.values_list("model__name", flat=True).get(pk=run.pk)
    collections = list(run.collections.values_list("pk", flat=True))
    facts = {"run": run.number, "state": state, "model": model}
    announce(Event.RUN_ENDED, collections=collections, facts=facts)


def write(job: Claim, **values: Any) -> None:
    """Write columns of the run. Raises `LeaseLost`."""
    if not _mine(job).update(**values):
        raise LeaseLost(f"{job.run} was claimed by another worker")


def _mine(job: Claim) -> QuerySet[TrainingRun]:
    return TrainingRun.objects.filter(pk=job.run.pk, fence=job.fence)
