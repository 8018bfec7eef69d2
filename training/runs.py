"""What people do with training runs. Each verb is one transaction and records who did it.

A run that waits stands in its row (`queued`); the message to a worker is only a poke.
"""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone

from ingestion.audit import Actor, record
from ingestion.errors import UserError
from ingestion.models import Collection
from ingestion.pokes import poke
from training import jobs, process
from training.appending import model_to_append_to, readers_of
from training.base_model import read_base_model
from training.models import TrainingRun
from training.trainers.config import CONFIG, RunConfig

State = TrainingRun.State
TASK = "training.tasks.advance_runs"
LONGEST_MINUTES = 24 * 60.0
MINUTES = 10.0
_TRIES_FOR_A_NUMBER = 5
# Failures of what a run is bound to, whatever it goes on from; a base that was missing may be back.
_FOR_GOOD = frozenset({"base-changed", "mixed-readers", "bad-adapter"})
_OF_ITS_BASE = frozenset({"base-missing", "base-not-llama"})


class AlreadyRequested(UserError):
    """A form was sent that has started `run`."""

    def __init__(self, run: TrainingRun) -> None:
        super().__init__("already-requested", f"This form has started {run} before.")
        self.run = run


def request(
    *,
    collections: Sequence[Collection],
    by: Actor,
    mode: str = TrainingRun.Mode.FULL,
    max_minutes: float = MINUTES,
    promote_when_passed: bool = False,
    reason: str = "",
    form: UUID | None = None,
    enqueue: bool = True,
) -> TrainingRun:
    """Put a run into the queue. `max_minutes` are for all of it, with evaluation. A `form` starts
    one run, however often it is sent.

    Raises `UserError`, of a form that comes again `AlreadyRequested`. `enqueue=False` leaves the
    work to the caller.
    """
    _check_request(collections, mode, max_minutes)
    with transaction.atomic():
        run = _create_numbered(
            mode=mode,
            trainer=settings.TRAINER,
            max_minutes=max_minutes,
            promote_when_passed=promote_when_passed,
            requested_by_id=by.pk if by else None,
            reason=reason[:300],
            form=form,
        )
        run.collections.set(collections)
        _record(by, "requested", run, reason)
        if enqueue:
            poke(TASK)
    return run


def _check_request(collections: Sequence[Collection], mode: str, max_minutes: float) -> None:
    if not collections:
        raise UserError("no-collections", "Choose at least one collection to train on.")
    if not any(collection.trainable for collection in collections):
        names = ", ".join(collection.name for collection in collections)
        raise UserError("not-trainable", f"Nothing may be taught from {names}: so it is set.")
    if mode not in TrainingRun.Mode.values:
        raise UserError("bad-mode", f"{mode!r} is not a mode. Choose full or append.")
    if not 0 < max_minutes <= LONGEST_MINUTES:
        raise UserError("bad-minutes", f"Give between 0 and {LONGEST_MINUTES:.0f} minutes.")
    if settings.TRAINER not in TrainingRun.Trainer.values:
        raise UserError(
            "bad-trainer", f"TRAINER is {settings.TRAINER!r}. Set it to peft or unsloth."
        )
    if mode == TrainingRun.Mode.APPEND:
        model_to_append_to(readers_of(collections))


def _create_numbered(*, form: UUID | None, **values: object) -> TrainingRun:
    """A run with the next number; of two requests at once the second takes the one after, unless
    they are of one form."""
    for _ in range(_TRIES_FOR_A_NUMBER):
        highest = TrainingRun.objects.aggregate(highest=Max("number"))["highest"] or 0
        try:
            with transaction.atomic():
                return TrainingRun.objects.create(number=highest + 1, form=form, **values)
        except IntegrityError as error:
            if form and (run := TrainingRun.objects.filter(form=form).first()):
                raise AlreadyRequested(run) from error
            taken = error
    raise taken


def cancel(*, run: TrainingRun, by: Actor) -> None:
    """End a run. One that is worked on ends within seconds; its checkpoints are kept.

    Raises `UserError` for a run that has ended.
    """
    now = timezone.now()
    with transaction.atomic():
        # The fence: whoever claims it at this moment, or comes back to it, may write no more.
        idle = (
            jobs.unattended()
            .filter(pk=run.pk)
            .update(
                state=State.CANCELLED, cancel_requested_at=now, ended_at=now, fence=F("fence") + 1
            )
        )
        asked = idle or TrainingRun.objects.filter(pk=run.pk, state__in=TrainingRun.ACTIVE).update(
            cancel_requested_at=now
        )
        if not asked:
            raise UserError("not-running", "This run has ended, so there is nothing to cancel.")
        if idle:
            jobs.announce_end(run, State.CANCELLED)
        _record(by, "cancelled", run)


def can_resume(run: TrainingRun) -> bool:
    """Whether it is stopped, has kept something to go on from, and may get further from there."""
    return (
        run.state in TrainingRun.STOPPED
        and process.resumable(run.folder)
        and not _would_fail_again(run)
    )


def _would_fail_again(run: TrainingRun) -> bool:
    """Whether what it failed for stands in its way still, as it is bound to its data and base."""
    if run.failure_id in _OF_ITS_BASE:
        try:
            read_base_model(Path(RunConfig.read(run.folder / CONFIG).base))
        except (UserError, OSError, ValueError):
            return True
    return run.failure_id in _FOR_GOOD


def resume(*, run: TrainingRun, by: Actor, enqueue: bool = True) -> None:
    """Put a run that failed or was cancelled back into the queue, to go on where it was.

    Raises `UserError` when it is in another state, has kept nothing to go on from, or would fail
    for the same again.
    """
    if not process.resumable(run.folder):
        raise UserError("nothing-to-resume", "This run has no checkpoint yet. Start a new one.")
    if _would_fail_again(run):
        raise UserError(
            "fails-again", "This run would fail in the same way again. Start a new one."
        )
    with transaction.atomic():
        queued = TrainingRun.objects.filter(pk=run.pk, state__in=TrainingRun.STOPPED).update(
            state=State.QUEUED,
            attempts=0,
            cancel_requested_at=None,
            started_at=None,
            ended_at=None,
            lease_until=None,
            failure_id="",
            failure_reason="",
        )
        if not queued:
            raise UserError("not-stopped", "Only a failed or cancelled run can be resumed.")
        _record(by, "resumed", run)
        if enqueue:
            poke(TASK)


def override(*, run: TrainingRun, by: Actor, reason: str) -> None:
    """Let a model that the gate stopped be promoted all the same, for a reason that is kept.

    Raises `UserError` without a reason, or when the run did not end at the gate.
    """
    reason = reason.strip()
    if not reason:
        raise UserError("no-reason", "Write why this model may serve although its gate stopped it.")
    with transaction.atomic():
        passed = TrainingRun.objects.filter(
            pk=run.pk, state=State.REJECTED, model__isnull=False
        ).update(
            state=State.GATED,
            override_by_id=by.pk if by else None,
            override_reason=reason[:500],
        )
        if not passed:
            raise UserError("not-rejected", "Only a run that its gate stopped can be let through.")
        _record(by, "overrode the gate of", run, reason)


def _record(by: Actor, verb: str, run: TrainingRun, detail: str = "") -> None:
    record(by, verb, detail=f"{run} {detail}".strip())
