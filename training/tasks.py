"""The worker's doors to training. Runs have a queue of their own, since each occupies a worker."""

import logging

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from ingestion.errors import UserError
from router import trials
from training import audit, jobs, pipeline, precedents, retraining
from training.synthesis import versions

logger = logging.getLogger(__name__)


@shared_task
def advance_runs() -> None:
    """Take the runs that wait as far as they go, one after another."""
    pipeline.advance_all()


@shared_task
def retrain_when_due() -> None:
    """Request what the retrain policy asks for."""
    retraining.retrain_when_due()


@shared_task
def audit_errors() -> None:
    """Sort the wrong answers anew: passages, feedback and models have changed."""
    try:
        audit.audit()
    except UserError as error:
        logger.warning("No audit: %s", error)


@shared_task
def end_bad_trials() -> None:
    """Have what serves answer again where the model on trial is worse."""
    trials.end_bad_trials()


@shared_task
def mine_version(version_id: int) -> None:
    """Make the pairs of a version that has just been served."""
    versions.mine_version(version_id)


@shared_task
def mine_waiting() -> None:
    """Mine the versions whose message or worker was lost."""
    versions.mine_waiting()


@shared_task
def refresh_precedents() -> None:
    """Have new and changed pairs answer questions."""
    precedents.refresh()


@worker_ready.connect
def sweep_at_start(**_: object) -> None:
    """A worker that starts after a crash need not wait for the schedule."""
    advance_runs.delay()
    mine_waiting.delay()


@worker_shutting_down.connect
def leave_runs(**_: object) -> None:
    """A worker that is asked to end leaves its run, with a checkpoint, to the next one."""
    jobs.halt.set()
