"""A person has a model serve, whatever its gate said."""

from django.db import transaction

from ingestion.audit import Actor
from router import registry
from router.models import ModelVersion
from training import runs
from training.models import TrainingRun


def promote(
    *, model: ModelVersion, by: Actor, reason: str = "", instead_of: str | None = None
) -> None:
    """As `registry.promote`; a run that its gate stopped is let through for the same reason.
    `instead_of` as of `registry.put_in_place`."""
    reason = reason.strip()
    registry.make_ready(model, override_reason=reason)
    with transaction.atomic():
        registry.put_in_place(model, by=by, reason=reason, instead_of=instead_of)
        run = TrainingRun.objects.filter(model=model, state=TrainingRun.State.REJECTED).first()
        # One that passed was rejected for its readers, who may read all of it again.
        if run is not None and not model.gate_passed:
            runs.override(run=run, by=by, reason=reason)
