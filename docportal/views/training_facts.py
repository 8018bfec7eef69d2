"""What the training pages say of models, runs and their data, in few queries."""

from collections.abc import Collection as AbstractCollection
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Prefetch, Q, QuerySet

from docportal.models import User
from docportal.views import gate_table
from ingestion.models import AuditEvent, Collection
from router import trials
from router.models import ModelVersion
from router.tuned import coverage_summaries, ready_models, tainted
from training.models import TrainingRun
from training.policy import advised_mode
from training.retraining import Advice, advise

SERVED_BY = ("promoted", "rolled back")
VERBS = (
    *SERVED_BY,
    *(trials.BEGAN, trials.ENDED),
    *("requested", "cancelled", "resumed", "overrode the gate of", "set the retrain policy"),
)
EVENTS = 30


# --- Models -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Model:
    """A version, with what is true of it now."""

    version: ModelVersion
    passages: int
    stale: int
    tainted: bool
    ready: bool

    @property
    def stale_share(self) -> float:
        return self.stale / self.passages if self.passages else 0.0

    @property
    def is_loading(self) -> bool:
        """Whether it is to answer and cannot yet."""
        serves = self.version.stage == ModelVersion.Stage.SERVING
        return serves and not (self.ready or self.tainted)

    @property
    def can_serve(self) -> bool:
        serves = self.version.stage == ModelVersion.Stage.SERVING
        return not (serves or self.tainted or self.version.pruned_at)

    @property
    def can_be_tried(self) -> bool:
        return self.can_serve and self.version.stage == ModelVersion.Stage.CANDIDATE


def models(versions: AbstractCollection[ModelVersion]) -> list[Model]:
    known, closed, ready = coverage_summaries(versions), tainted(versions), set(ready_models())
    return [
        Model(
            version=version,
            passages=known[version.pk]["chunks"],
            stale=known[version.pk]["stale"],
            tainted=version.pk in closed,
            ready=version.name in ready,
        )
        for version in versions
    ]


# --- What serves, and what a retrain would bring ----------------------------------------------


@dataclass(frozen=True, slots=True)
class Audience:
    """The model of the same readers, if one serves them, and what a retrain would bring them."""

    model: Model | None
    promotion: AuditEvent | None
    advice: Advice
    collections: Sequence[Collection]
    """Of the model, those that the viewer may read."""

    @property
    def mode(self) -> str:
        return self._advised[0]

    @property
    def why_mode(self) -> str:
        return self._advised[1]

    @property
    def is_due(self) -> bool:
        """Whether a retrain would bring anything."""
        outlook = self.advice.outlook
        return bool(outlook.new_facts or outlook.stale_passages) or self._is_tainted

    @property
    def _is_tainted(self) -> bool:
        return self.model is not None and self.model.tainted

    @property
    def _advised(self) -> tuple[str, str]:
        changed = self.advice.outlook.changed_share if self.model else None
        return advised_mode(changed, tainted=self._is_tainted)


def audiences(user: User) -> list[Audience]:
    advices = advise()
    serving = [advice.model for advice in advices if advice.model is not None]
    known = {model.version.pk: model for model in models(serving)}
    promotions = {version.name: event for version, event in _promotions(serving)}
    return [
        Audience(
            model=known[advice.model.pk] if advice.model else None,
            promotion=promotions.get(advice.model.name) if advice.model else None,
            advice=advice,
            collections=readable_of(advice.model, user) if advice.model else [],
        )
        for advice in advices
    ]


def readable_of(model: ModelVersion, user: User) -> list[Collection]:
    return list(Collection.objects.readable_by(user).filter(tuned_models=model))


def _promotions(serving: Sequence[ModelVersion]) -> list[tuple[ModelVersion, AuditEvent]]:
    """Who had each of them serve last."""
    found = []
    for version in serving:
        named = Q(detail=version.name) | Q(detail__startswith=f"{version.name} ")
        named |= Q(detail__startswith=f"{version.name}:")
        events = AuditEvent.objects.filter(named, verb__in=SERVED_BY)
        if event := events.first():
            found.append((version, event))
    return found


def audit() -> QuerySet[AuditEvent]:
    """What was done with models and runs, the newest first."""
    events = AuditEvent.objects.filter(verb__in=VERBS, document=None, collection=None)
    return events[:EVENTS]


# --- Runs -------------------------------------------------------------------------------------


def runs(user: User) -> QuerySet[TrainingRun]:
    """All, since each occupies the machine; with the names of readable collections alone."""
    readable = Collection.objects.readable_by(user).order_by("name")
    return (
        TrainingRun.objects.select_related("requested_by", "override_by", "model", "dataset")
        .prefetch_related(Prefetch("collections", readable, to_attr="readable"))
        .annotate(chosen=Count("collections"))
    )


@dataclass(frozen=True, slots=True)
class Run:
    """A row of `runs`, as a page shows it."""

    row: TrainingRun

    @property
    def collections(self) -> Sequence[Collection]:
        readable: Sequence[Collection] = self.row.readable  # type: ignore[attr-defined]
        return readable

    @property
    def hidden(self) -> int:
        """How many of its collections the viewer may not read."""
        chosen: int = self.row.chosen  # type: ignore[attr-defined]
        return chosen - len(self.collections)

    @property
    def is_open(self) -> bool:
        """Whether the viewer may read all that it is trained on, and so all that it says."""
        return not self.hidden

    @property
    def gate(self) -> str:
        return gate_table.summary(self.row.gate)

    @property
    def checks(self) -> list[gate_table.Check]:
        return gate_table.checks(self.row.gate, reasons=self.is_open)

    @property
    def failure(self) -> str:
        """Why it failed; a reason may name collections and documents."""
        if self.is_open or not self.row.failure_id:
            return self.row.failure_reason
        return f"{self.row.failure_id}: who may read all of its collections sees here why."

    @property
    def duration(self) -> float | None:
        """Seconds from its first start to its end."""
        if self.row.started_at is None or self.row.ended_at is None:
            return None
        return (self.row.ended_at - self.row.started_at).total_seconds()

    @property
    def is_unfinished(self) -> bool:
        return self.row.state in TrainingRun.UNFINISHED

    @property
    def has_curves(self) -> bool:
        """Whether its plots are shown while it goes on."""
        return self.row.state in (TrainingRun.State.RUNNING, TrainingRun.State.EVALUATING)

    @property
    def was_stopped(self) -> bool:
        return self.row.state in TrainingRun.STOPPED
