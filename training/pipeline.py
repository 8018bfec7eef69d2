"""The whole way of one training run, on one page: data → training → evaluation → gate.

Nothing here keeps state: whatever a step has reached stands in the run's row and folder, and any
process may be killed between any two lines. The sweep finds what was left lying.
"""

import errno
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from django.db import transaction

from ingestion import tracing
from ingestion.errors import UserError
from ingestion.jobs import UNFINISHED
from ingestion.leases import LeaseLost
from ingestion.models import Collection, DocumentVersion
from router import registry
from router.models import ModelVersion
from router.serving import embedded_servers, embeddings_url, is_up
from router.tuned import is_tainted
from training import (
    datasets,
    environment,
    evaluation,
    jobs,
    planning,
    precedents,
    process,
    recipe,
)
from training.calibrating import calibrate
from training.checking import Relevances
from training.datasets import Frozen
from training.devices import devices, gpu_of
from training.gate import GateCheck
from training.jobs import Cancelled, Claim, Halted
from training.judgement import judge_run
from training.models import Evaluation, TrainingRun
from training.process import Check, Died
from training.progress import Listener
from training.registration import register_model
from training.synthesis.versions import mine_collection
from training.trainers.config import CONFIG, RunConfig

logger = logging.getLogger(__name__)

State = TrainingRun.State
T = TypeVar("T")
Tell = Callable[[TrainingRun], None]
"""Called when the run's row has changed."""

# Seconds that a run waits for documents that are being read, and between two looks, at them and
# at whether it is to go on.
LONGEST_WAIT, LOOK_EVERY = 300.0, 0.5
# Of a run's time, for the questions of pairs to be embedded, its own and others.
EMBEDDING_SHARE = 0.25

READERS_TIGHTENED = GateCheck(
    check="readers",
    value=None,
    limit=0,
    passed=False,
    reason="Documents that it was trained on got fewer readers since then. Train again.",
)


def advance_all() -> None:
    """Take every run that waits as far as it goes, one after another."""
    tried: set[int] = set()
    while run := jobs.unattended().exclude(pk__in=tried).first():
        tried.add(run.pk)
        advance(run.pk)


def advance(run_id: int, *, tell: Tell = lambda _run: None) -> bool:
    """Claim the run and take it as far as it goes; whether it could be claimed."""
    job = jobs.claim(run_id, devices())
    if job is None:
        return False
    with tracing.span("run", run=run_id, device=job.run.device), jobs.lease_kept(job):
        try:
            _advance_or_end(job, tell)
        except LeaseLost:
            logger.warning("%s was taken over by another worker.", job.run)
    return True


def _advance_or_end(job: Claim, tell: Tell) -> None:
    try:
        _advance(job, tell)
    except Cancelled:
        jobs.end(job, State.CANCELLED)
    except Halted:
        jobs.put_back(job)
    except UserError as error:
        jobs.fail(job, error.id, str(error))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        full = process.disk_full(job.run.folder)
        jobs.fail(job, full.id, str(full))


def _advance(job: Claim, tell: Tell) -> None:
    tell(job.run)
    jobs.check(job)
    if job.run.state == State.PREPARING:
        prepare(job)
        tell(job.run)
    if job.run.state == State.RUNNING:
        train(job, tell)
        tell(job.run)
    # One for all that is measured, as it takes seconds to start; who needs it says what is missing.
    with embedded_servers(embeddings=True, failed=lambda _error: None):
        known: Relevances = {}
        model = job.run.model or evaluate(job, known)
        if not model.calibration:
            fit(job, model, known)
    conclude(job, model)
    tell(job.run)


# --- Data and training -------------------------------------------------------------------------
@tracing.span("prepare")
def prepare(job: Claim) -> None:
    """Freeze the data and write `run.json`, unless the run goes on from a checkpoint."""
    run = job.run
    frozen = Frozen(run.dataset, run.left_out) if run.dataset else _freeze(job)
    dataset = frozen.dataset
    datasets.verify(dataset)
    has_begun = process.resumable(run.folder)
    config = RunConfig.read(run.folder / CONFIG) if has_begun else planning.plan(run, dataset)
    environment.check(config, device=run.device)
    if not has_begun:
        run.folder.mkdir(parents=True, exist_ok=True)
        config.write(run.folder / CONFIG)
    jobs.enter(job, State.RUNNING, dataset=dataset, left_out=frozen.left_out)


def _freeze(job: Claim) -> Frozen:
    """What is served now, mined before, so that documents alone are enough to train on."""
    collections, check = list(job.run.collections.all()), _now_and_then(lambda: jobs.check(job))
    _await_documents(job, collections)
    for collection in collections:
        mine_collection(collection, check=check)
    _await_precedents(job)
    return datasets.freeze(collections=collections, check=check)


def _now_and_then(check: Check) -> Check:
    """For loops of thousands: asks as often as somebody who waits needs it, and not each time."""
    asked_at = -math.inf

    def ask() -> None:
        nonlocal asked_at
        if time.monotonic() - asked_at >= LOOK_EVERY:
            asked_at = time.monotonic()
            check()

    return ask


def _await_documents(job: Claim, collections: Sequence[Collection]) -> None:
    """Uploads that are still being read belong to the data, unless they take too long."""
    reading = DocumentVersion.objects.filter(
        document__collection__in=collections, state__in=UNFINISHED
    )
    _wait_while(job, reading.exists, LONGEST_WAIT)


def _await_precedents(job: Claim) -> None:
    """A worker embeds the questions of pairs on the same processor, where a training steps back
    behind everything: beside it one of the demo got .3 of two cores."""

    def are_being_made() -> bool:
        return is_up(embeddings_url()) and bool(precedents.outdated())

    if gpu_of(job.run.device) is None:
        share = EMBEDDING_SHARE * job.run.max_minutes * 60
        _wait_while(job, are_being_made, min(share, LONGEST_WAIT))


def _wait_while(job: Claim, lasts: Callable[[], bool], seconds: float) -> None:
    """At most so long; the run can be cancelled meanwhile."""
    deadline = time.monotonic() + seconds
    while lasts() and time.monotonic() < deadline:
        jobs.check(job)
        time.sleep(LOOK_EVERY)


@tracing.span("train")
def train(job: Claim, tell: Tell) -> None:
    """Run the trainer to its end; one that dies is started again from its newest checkpoint."""
    run, listener = job.run, Listener(job)
    interpreter = environment.interpreter(run.trainer, device=run.device)

    def check() -> None:
        if listener.hear():
            tell(run)
        jobs.check(job)

    _until_it_lives(
        job,
        lambda: process.train(run.folder, interpreter=interpreter, device=run.device, check=check),
    )
    listener.hear()
    jobs.enter(job, State.EVALUATING)


def _until_it_lives(job: Claim, work: Callable[[], T]) -> T:
    """Do work of child processes again when they die. Raises `UserError` when they go on dying."""
    while True:
        try:
            return work()
        except Died as error:
            logger.warning("A process of %s died: %s", job.run, error)
            if not jobs.count_attempt(job):
                raise UserError("interrupted", str(error)) from error


# --- Evaluation, gate and promotion ------------------------------------------------------------
@tracing.span("evaluate")
def evaluate(job: Claim, known: Relevances) -> ModelVersion:
    """Measure and judge the new model, and keep it as a version, whatever the gate says."""
    run = job.run

    def check() -> None:
        jobs.check(job)

    _until_it_lives(
        job,
        lambda: evaluation.evaluate(
            run,
            adapter=run.folder / "adapter",
            base=Path(RunConfig.read(run.folder / CONFIG).base),
            embedder=lambda: embedded_servers(embeddings=True),
            servers=lambda: embedded_servers(llm=True, embeddings=True),
            seconds=recipe.evaluation_seconds(run.max_minutes, planning.minutes_used(run)),
            known=known,
            check=check,
        ),
    )
    with tracing.span("gate"):
        passed = judge_run(job)
        tracing.note(passed=passed, checks=len(run.gate))
    model = _until_it_lives(job, lambda: register_model(run, passed=passed, check=check))
    jobs.write(job, model=model)
    return model


@tracing.span("calibrate")
def fit(job: Claim, model: ModelVersion, known: Relevances) -> None:
    """Fit how likely a model is right, also one that its gate stopped, as it may be promoted for a
    reason; it can serve, and be asked for, without.
    """
    calibrate(
        model,
        job.run,
        servers=lambda: embedded_servers(embeddings=True),
        known=known,
        check=lambda: jobs.check(job),
    )


def conclude(job: Claim, model: ModelVersion) -> None:
    """End the run by what the gate said; a model that passed serves at once, if that was asked."""
    run = job.run
    jobs.check(job)
    # Before the end, as nobody comes back to a run that has ended.
    process.remove_checkpoints(run.folder)
    if is_tainted(model):
        jobs.end(job, State.REJECTED, gate=[*run.gate, asdict(READERS_TIGHTENED)])
    elif not model.gate_passed:
        jobs.end(job, State.REJECTED)
    elif run.promote_when_passed:
        _promote(job, model)
    else:
        jobs.end(job, State.GATED)


@tracing.span("promote")
def _promote(job: Claim, model: ModelVersion) -> None:
    """In one step with the end of the run: whoever came back to it would promote once more what was
    taken back meanwhile."""
    try:
        registry.make_ready(model, override_reason="")
        with transaction.atomic():
            registry.locked(ModelVersion.objects.filter(audience=model.audience))
            _check_verdict(job.run, model)
            registry.put_in_place(model, by=job.run.requested_by, reason="")
            jobs.end(job, State.PROMOTED)
            # Once the row is written nobody can cancel any more; who did before was told that
            # the run ends.
            jobs.check(job)
    except UserError as error:
        jobs.end(job, State.GATED, failure_id=error.id, failure_reason=str(error))


def _check_verdict(run: TrainingRun, model: ModelVersion) -> None:
    """Raises `UserError` where another model serves than the one that `model` was compared with, or
    where somebody took it back already."""
    model.refresh_from_db()
    if model.stage == ModelVersion.Stage.RETIRED:
        raise UserError(
            "taken-back",
            f"{model} served meanwhile and does no longer. Promote it if it is to serve again.",
        )
    serving = evaluation.serving_for(model.audience)
    if serving is None or serving.pk == model.pk:
        return
    compared = run.evaluations.filter(system=Evaluation.System.SERVING).first()
    other = compared.model_name if compared else "no model"
    if serving.name != other:
        raise UserError(
            "judged-otherwise",
            f"{serving} serves now, and {model} was compared with {other}. "
            f"Look at both, and promote {model} if it is to serve.",
        )
