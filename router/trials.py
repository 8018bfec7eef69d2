"""Trials of a candidate on a share of its readers: begun, counted, ended by a person or by itself.

What is worse is said by `router.canary`, and who is answered by the canary by `router.tuned`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from ingestion.audit import Actor, record
from ingestion.errors import UserError
from router import registry
from router.canary import LARGEST_SHARE, LEAST_SHARE, SLOW, Tally, judge
from router.models import Answer, Feedback, ModelVersion
from router.tuned import is_tainted

Stage = ModelVersion.Stage

BEGAN, ENDED = "began the trial of", "ended the trial of"
TAINTED = "It was trained on documents that are gone or have fewer readers now."


# --- Begin and end -----------------------------------------------------------------------------
def begin_canary(
    model: ModelVersion, *, share: int, by: Actor, override_reason: str = ""
) -> ModelVersion:
    """Have a candidate answer `share` % of its readers, instead of what serves them.

    It is looked at as if it were promoted. Raises `UserError`: `bad-share`, `not-a-candidate`,
    `another-canary`, and as `registry.promote`.
    """
    reason = override_reason.strip()
    if not LEAST_SHARE <= share <= LARGEST_SHARE:
        raise UserError(
            "bad-share",
            f"A trial takes {LEAST_SHARE} to {LARGEST_SHARE} % of the people, not {share}.",
        )
    registry.make_ready(model, override_reason=reason)
    with transaction.atomic():
        same_readers = registry.locked(ModelVersion.objects.filter(audience=model.audience))
        if other := same_readers.filter(stage=Stage.CANARY).first():
            raise UserError(
                "another-canary",
                f"{other} is on trial with the same readers. End that trial first.",
            )
        begun = same_readers.filter(pk=model.pk, stage=Stage.CANDIDATE, pruned_at=None).update(
            stage=Stage.CANARY,
            canary_share=share,
            canary_since=timezone.now(),
            canary_ended_at=None,
            canary_outcome="",
        )
        if not begun:
            raise UserError(
                "not-a-candidate", f"{model} is no candidate, and only these are tried. Look again."
            )
        why = f": {reason}" if reason else ""
        record(by, BEGAN, detail=f"{model} on {share} % of the people{why}")
    model.refresh_from_db()
    return model


def end_canary(model: ModelVersion, *, by: Actor, reason: str) -> ModelVersion:
    """Have what serves answer everybody again; the canary is a candidate as before.

    Raises `UserError`: `no-canary`.
    """
    if not _end(model, by, reason):
        raise UserError("no-canary", f"{model} is not on trial any more. Look again.")
    model.refresh_from_db()
    return model


@transaction.atomic
def _end(model: ModelVersion, by: Actor, reason: str) -> bool:
    """Whether it was this one that ended it."""
    ended = ModelVersion.objects.filter(pk=model.pk, stage=Stage.CANARY).update(
        stage=Stage.CANDIDATE, canary_ended_at=timezone.now(), canary_outcome=reason
    )
    if ended:
        record(by, ENDED, detail=f"{model}: {reason}")
    return bool(ended)


def end_bad_trials() -> list[str]:
    """End the trials of models that are worse than what serves. Returns the models' names."""
    ended = []
    for trial in under_way():
        reason = TAINTED if is_tainted(trial.model) else judge(trial.canary, trial.serving)
        if reason and _end(trial.model, None, reason):
            ended.append(trial.model.name)
    return ended


# --- Counting ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Trial:
    """A canary, and what it is compared with: the model that its readers have otherwise; None:
    the passages alone."""

    model: ModelVersion
    instead: ModelVersion | None
    canary: Tally
    serving: Tally


def under_way() -> list[Trial]:
    """Every trial with its tallies, from its begin or the last change of what serves on."""
    canaries = list(ModelVersion.objects.filter(stage=Stage.CANARY))
    if not canaries:
        return []
    serving = {model.audience: model for model in ModelVersion.objects.filter(stage=Stage.SERVING)}
    everybodys = serving.get("")
    return [_counted(one, serving.get(one.audience, everybodys)) for one in canaries]


def latest() -> list[ModelVersion]:
    """Of each set of readers the model that was tried last, whatever became of it."""
    newest: dict[str, ModelVersion] = {}
    for model in ModelVersion.objects.exclude(canary_since=None).order_by("canary_since"):
        newest[model.audience] = model
    return list(newest.values())


def _counted(canary: ModelVersion, instead: ModelVersion | None) -> Trial:
    moments = [canary.canary_since, instead.promoted_at if instead else None]
    since = max(moment for moment in moments if moment is not None)
    of_serving = _answers(instead.name if instead else "", since)
    of_canary = _answers(canary.name, since)
    limit = SLOW * _p95(of_serving)
    return Trial(canary, instead, _tally(of_canary, limit), _tally(of_serving, limit))


def _answers(model: str, since: datetime) -> QuerySet[Answer]:
    """Answers to people to whom the model by this name was there; to nobody without a name.

    Who is not signed in is in no trial, and who chooses the route is not answered as others are.
    """
    answers = Answer.objects.filter(answered_at__gte=since, signals__model=model)
    return answers.exclude(Q(query__user=None) | Q(signals__route_asked__in=("rag", "tuned")))


def _tally(answers: QuerySet[Answer], slow_ms: float) -> Tally:
    """Two queries."""
    counted = answers.aggregate(
        people=Count("query__user", distinct=True),
        answers=Count("pk"),
        failed=Count("pk", filter=_any_attempt(_failed)),
        refused=Count("pk", filter=Q(route=Answer.Route.REFUSED)),
        disliked=Count("pk", filter=Q(feedback__verdict=Feedback.Verdict.DOWN)),
        asked=Count("pk", filter=_any_attempt(_asked)),
        unsupported=Count("pk", filter=_any_attempt(_unsupported)),
        slow=Count("pk", filter=Q(total_ms__gt=slow_ms)),
    )
    return Tally(**counted, p95_ms=_p95(answers))


def _p95(answers: QuerySet[Answer]) -> float:
    """Milliseconds (nearest rank); 0 without any answer."""
    place = math.ceil(0.95 * answers.count())
    times = answers.order_by("total_ms").values_list("total_ms", flat=True)
    return times[place - 1] if place else 0.0


# --- What was kept of an answer's attempts ------------------------------------------------------
def _any_attempt(of_place: Callable[[int], Q]) -> Q:
    """An answer has at most two: of the tuned model and from passages, in either order."""
    return of_place(0) | of_place(1)


def _attempt(place: int, **told: object) -> Q:
    return Q(**{f"signals__attempts__{place}__{key}": value for key, value in told.items()})


def _asked(place: int) -> Q:
    return _attempt(place, engine="tuned")


def _failed(place: int) -> Q:
    return _attempt(place, failed__gt="") | _attempt(place, engine="tuned", draft="")


def _unsupported(place: int) -> Q:
    said = _attempt(place, engine="tuned", refused=False, failed="", draft__gt="")
    return said & _attempt(place, problem__gt="")
