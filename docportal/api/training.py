"""Training runs, and the models that come of them.

As on the pages, a run or model is shown to every admin, because it occupies the machine; of
collections that the admin may not read it tells nothing.
"""

from datetime import datetime
from typing import Annotated, Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from docportal.api.access import ApiRequest, needs
from docportal.api.listing import LIMIT, After, Limit, Listed, listed
from docportal.models import User
from docportal.results import described
from docportal.views.access import PROMOTE, TRAIN, readable_collection, require
from docportal.views.training_facts import Run, runs
from ingestion.errors import UserError
from ingestion.models import Collection
from router import registry
from router.models import ModelVersion
from router.text import storable
from training import promoting
from training import runs as run_services
from training.models import TrainingRun

router = Router(tags=["training"], auth=needs("train"))

NAMES_COLLECTIONS = "stays_on_rag"


# --- Runs -------------------------------------------------------------------------------------


class CheckOut(Schema):
    check: str
    value: float | None
    limit: float
    passed: bool
    reason: str


class RunOut(Schema):
    """`hidden`: so many of its collections you may not read; then its metrics and reasons are not
    told."""

    number: int
    state: str
    mode: str
    trainer: str
    collections: list[str]
    hidden: int
    max_minutes: float
    promote_when_passed: bool
    requested_by: str | None
    started: datetime | None
    ended: datetime | None
    step: int
    steps: int
    loss: float | None
    tokens_per_second: float | None
    seconds_left: float | None
    failure: str
    metrics: dict[str, Any]
    gate: list[CheckOut]
    model: str | None


class RunIn(Schema):
    collections: list[str]
    mode: str = TrainingRun.Mode.FULL
    max_minutes: float = run_services.MINUTES
    promote_when_passed: bool = False


def _run(row: TrainingRun) -> RunOut:
    """Of a row of `training_facts.runs`."""
    shown = Run(row)
    return RunOut(
        number=row.number,
        state=row.state,
        mode=row.mode,
        trainer=row.trainer,
        collections=[collection.slug for collection in shown.collections],
        hidden=shown.hidden,
        max_minutes=row.max_minutes,
        promote_when_passed=row.promote_when_passed,
        requested_by=row.requested_by.get_username() if row.requested_by else None,
        started=row.started_at,
        ended=row.ended_at,
        step=row.step,
        steps=row.steps,
        loss=row.loss,
        tokens_per_second=row.tokens_per_second,
        seconds_left=row.seconds_left,
        failure=shown.failure,
        metrics=row.metrics if shown.is_open else {},
        gate=[_check(check, reasons=shown.is_open) for check in row.gate],
        model=row.model.name if row.model else None,
    )


def _check(check: dict[str, Any], *, reasons: bool) -> CheckOut:
    return CheckOut(**check | ({} if reasons else {"reason": ""}))


def _one(user: User, number: int) -> TrainingRun:
    require(user, TRAIN)
    return get_object_or_404(runs(user), number=number)


@router.get("/runs", response=Listed[RunOut])
def list_runs(request: ApiRequest, after: After = "", limit: Limit = LIMIT) -> Listed[RunOut]:
    require(request.auth, TRAIN)
    return listed(runs(request.auth), ("-number", "pk"), _run, after, limit)


@router.get("/runs/{int:number}", response=RunOut)
def get_run(request: ApiRequest, number: int) -> RunOut:
    return _run(_one(request.auth, number))


@router.post("/runs", response={201: RunOut})
def request_run(request: ApiRequest, asked: RunIn) -> Status[RunOut]:
    """Put a run into the queue, on collections by their slugs."""
    require(request.auth, TRAIN)
    run = run_services.request(
        collections=[readable_collection(request.auth, slug) for slug in asked.collections],
        by=request.auth,
        mode=asked.mode,
        max_minutes=asked.max_minutes,
        promote_when_passed=asked.promote_when_passed,
    )
    return Status(201, _run(_one(request.auth, run.number)))


@router.post("/runs/{int:number}/cancel", response=RunOut)
def cancel_run(request: ApiRequest, number: int) -> RunOut:
    run_services.cancel(run=_one(request.auth, number), by=request.auth)
    return _run(_one(request.auth, number))


@router.post("/runs/{int:number}/resume", response=RunOut)
def resume_run(request: ApiRequest, number: int) -> RunOut:
    run_services.resume(run=_one(request.auth, number), by=request.auth)
    return _run(_one(request.auth, number))


# --- Models -----------------------------------------------------------------------------------


class KnowsOut(Schema):
    chunks: int
    stale: int


class ModelOut(Schema):
    """As `models --json` prints it."""

    model: str
    stage: str
    created: datetime
    metrics: dict[str, Any]
    coverage: KnowsOut
    base: str
    dataset: str
    for_everybody: bool
    gate_passed: bool
    previous: str | None
    ready: bool
    tainted: bool
    pruned: bool


class ServingOut(Schema):
    serving: str


class PromoteIn(Schema):
    """`reason` is for a model that its gate stopped; it is kept."""

    reason: Annotated[str, Field(max_length=500)] = ""


def _versions() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.select_related("previous")


def _models(user: User, models: list[ModelVersion]) -> list[ModelOut]:
    closed = Collection.objects.exclude(pk__in=Collection.objects.readable_by(user))
    hidden = set(ModelVersion.objects.filter(collections__in=closed).values_list("name", flat=True))
    told = []
    for one in described(models):
        if one["model"] in hidden:
            metrics = {k: v for k, v in one["metrics"].items() if k != NAMES_COLLECTIONS}
            one |= {"metrics": metrics}
        told.append(ModelOut(**one))
    return told


@router.get("/models", response=Listed[ModelOut])
def list_models(request: ApiRequest, after: After = "", limit: Limit = LIMIT) -> Listed[ModelOut]:
    require(request.auth, TRAIN)
    page = listed(_versions(), ("-number", "pk"), lambda row: row, after, limit)
    return Listed(items=_models(request.auth, page.items), next=page.next)


@router.post("/models/{slug:name}/promote", response=ServingOut)
def promote_model(request: ApiRequest, name: str, given: PromoteIn) -> ServingOut:
    """Have it answer instead of the one that serves the same readers."""
    require(request.auth, PROMOTE)
    model = get_object_or_404(_versions(), name=name)
    promoting.promote(model=model, by=request.auth, reason=storable(given.reason))
    return ServingOut(serving=model.name)


@router.post("/models/{slug:name}/roll-back", response=ServingOut)
def roll_back_model(request: ApiRequest, name: str) -> ServingOut:
    """Have the one before this one, which serves, answer again."""
    require(request.auth, PROMOTE)
    model = get_object_or_404(_versions(), name=name)
    if model.stage != ModelVersion.Stage.SERVING:
        raise UserError("not-serving", f"{model} serves no longer. Look at the models again.")
    previous = registry.roll_back(by=request.auth, audience=model.audience, instead_of=model.name)
    return ServingOut(serving=previous.name)
