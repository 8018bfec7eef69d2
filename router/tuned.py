"""Which tuned model may answer whom, and is there to do it. Only questions to the database.

A model answers from its weights, where nothing can be filtered afterwards. So it answers only who
may read everything that it was trained on, and nobody once its documents got fewer readers.
"""

import hashlib
from collections.abc import Collection as AbstractCollection
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q

from ingestion.models import Chunk, Collection, DocumentVersion, Reader
from router import calibration, serving, vllm
from router.calibration import Calibration
from router.canary import is_chosen
from router.models import Answer, ModelCoverage, ModelVersion

Stage = ModelVersion.Stage


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A version by its name, the address of a server that answers by it, and how likely it is
    right, None if that was never fitted."""

    name: str
    url: str
    calibration: Calibration | None = None


# --- Who may ------------------------------------------------------------------------------------
def audience_of(groups: Iterable[int]) -> str:
    """The name of a set of readers: sha256 of their group ids; empty for everybody."""
    ids = ",".join(str(group) for group in sorted(set(groups)))
    return hashlib.sha256(ids.encode()).hexdigest() if ids else ""


def is_tainted(model: ModelVersion) -> bool:
    """Whether somebody who could read what it was trained on no longer can, or it is gone."""
    return bool(tainted([model]))


def tainted(models: AbstractCollection[ModelVersion]) -> set[int]:
    """The primary keys of those that are. One query."""
    wanted = {int(pk) for model in models for pk in model.readers}
    now: dict[int, set[int]] = {}
    for pk, group in Collection.objects.filter(pk__in=wanted).values_list("pk", "readers"):
        now.setdefault(pk, set()).update([] if group is None else [group])
    return {
        model.pk
        for model in models
        if any(_narrower(now.get(int(pk)), set(then)) for pk, then in model.readers.items())
    }


def _narrower(now: set[int] | None, then: set[int]) -> bool:
    """No groups are everybody; None: there is no such collection any more."""
    if now is None:
        return True
    return bool(now) and (not then or not then <= now)


def usable_by(user: Reader) -> list[ModelVersion]:
    """The serving versions that may answer `user`, that for everybody first."""
    return _open_to(user, Stage.SERVING)


def _open_to(user: Reader, *stages: Stage) -> list[ModelVersion]:
    closed = Collection.objects.exclude(pk__in=Collection.objects.readable_by(user))
    there = list(
        ModelVersion.objects.filter(stage__in=stages)
        .exclude(collections__in=closed)
        .select_related("previous")
        .order_by("audience")
    )
    closed_now = tainted(there)
    return [model for model in there if model.pk not in closed_now]


def serving_model(user: Reader = None) -> ModelVersion | None:
    """The version that would answer `user`, loaded or not."""
    return next(iter(usable_by(user)), None)


def may_see_answer(user: Reader, answer: Answer) -> bool:
    """Whether `user` may read all that the tuned model behind a kept answer was trained on."""
    if answer.route != Answer.Route.TUNED:
        return True
    model = ModelVersion.objects.filter(name=answer.model).first()
    taught = list(model.readers) if model else []
    readable = Collection.objects.readable_by(user).filter(pk__in=taught)
    return bool(taught) and readable.count() == len(taught)


# --- What is loaded -----------------------------------------------------------------------------
def answering(
    user: Reader, passages: AbstractCollection[str] = (), *, trials: bool = True
) -> ServedModel | None:
    """The version that answers `user` now: the serving one, or while it loads the one before it.

    Where several serve this user, the one that was taught most of `passages`, by content hash.
    With `trials`, whom a canary is tried on is answered by it instead of the one that serves the
    same readers, once it is loaded.
    """
    usable = _with_trials(user) if trials else usable_by(user)
    for model in _by_coverage(usable, passages):
        for version in (model, model.previous):
            if version is not None and (url := _ready(version, user, model)):
                return ServedModel(version.name, url, calibration.from_json(version.calibration))
    return None


def _with_trials(user: Reader) -> list[ModelVersion]:
    asker = user.pk if user is not None else None
    there = _open_to(user, Stage.SERVING, Stage.CANARY)
    tried = [
        canary
        for canary in there
        if canary.stage == Stage.CANARY
        and is_chosen(canary.name, asker, canary.canary_share or 0)
        and serving.tuned_url(canary.name)
    ]
    replaced = {canary.audience for canary in tried}
    others = [
        model for model in there if model.stage == Stage.SERVING and model.audience not in replaced
    ]
    return sorted([*tried, *others], key=lambda model: model.audience)


def _by_coverage(
    models: list[ModelVersion], passages: AbstractCollection[str]
) -> list[ModelVersion]:
    if len(models) < 2:
        return models
    covered = dict(
        ModelCoverage.objects.filter(model__in=models, content_hash__in=passages)
        .values_list("model")
        .annotate(Count("pk"))
    )
    return sorted(models, key=lambda model: -covered.get(model.pk, 0))


def _ready(version: ModelVersion, user: Reader, serving_now: ModelVersion) -> str | None:
    """Where the version answers, if it is loaded and `user` may be answered by it."""
    url = serving.tuned_url(version.name)
    if url is None or version.pk == serving_now.pk:
        return url
    closed = version.collections.exclude(pk__in=Collection.objects.readable_by(user))
    return None if version.pruned_at or closed.exists() or is_tainted(version) else url


def why_none(user: Reader) -> str:
    """In plain words, why `answering` finds none. Tells of no model that is not for `user`."""
    if model := serving_model(user):
        return f"{model} is still being loaded. Ask again in a moment."
    if ModelVersion.objects.filter(stage=Stage.SERVING, audience="").exists():
        return (
            "The tuned model was trained on documents that are gone or have fewer readers now, so "
            "it answers nobody until it is trained again."
        )
    return "No tuned model serves that you may use."


def versions_to_load() -> list[str]:
    """Names that a server should be kept for: what serves, what it can go back to, canaries."""
    wanted = list(
        ModelVersion.objects.filter(
            Q(stage__in=(Stage.SERVING, Stage.CANARY))
            | Q(pk__in=ModelVersion.objects.filter(stage=Stage.SERVING).values("previous")),
            pruned_at=None,
        )
    )
    closed_now = tainted(wanted)
    return [model.name for model in wanted if model.pk not in closed_now]


def ready_models() -> list[str]:
    """Names of the versions that answer now, for pages."""
    names = list(ModelVersion.objects.filter(pruned_at=None).values_list("name", flat=True))
    if settings.LLM_URL:
        return sorted(vllm.loaded().intersection(names))
    return sorted(name for name in serving.announced_versions() if serving.tuned_url(name))


# --- What it knows ------------------------------------------------------------------------------
def coverage_summary(model: ModelVersion) -> dict[str, int]:
    """`chunks`: passages that it was trained on questions about; `stale`: those of them that are
    served nowhere now."""
    return coverage_summaries([model])[model.pk]


def coverage_summaries(models: AbstractCollection[ModelVersion]) -> dict[int, dict[str, int]]:
    """`coverage_summary` of each, by primary key. One query."""
    served = Chunk.objects.filter(
        content_hash=OuterRef("content_hash"), version__in=DocumentVersion.objects.served()
    )
    counted = (
        ModelCoverage.objects.filter(model__in=models, pairs__gt=0)
        .values("model")
        .annotate(chunks=Count("pk"), stale=Count("pk", filter=~Exists(served)))
    )
    summaries = {model.pk: {"chunks": 0, "stale": 0} for model in models}
    for row in counted:
        summaries[row["model"]] = {"chunks": row["chunks"], "stale": row["stale"]}
    return summaries
