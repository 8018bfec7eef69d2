"""A person has a model serve, whatever its gate said."""

from ingestion.audit import Actor
from router import registry
from router.models import ModelVersion
from training import runs
from training.models import TrainingRun


def promote(*, model: ModelVersion, by: Actor, reason: str = "") -> None:
    """As `registry.promote`; a run that its gate stopped is let through for the same reason."""
    registry.promote(model, by=by, override_reason=reason)
    run = TrainingRun.objects.filter(model=model, state=TrainingRun.State.REJECTED).first()
    if run is not None:
        runs.override(run=run, by=by, reason=reason)
