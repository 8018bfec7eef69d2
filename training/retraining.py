"""Retraining by itself: what the policy says of each serving model, and the run that follows."""

import logging
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ingestion.audit import Actor, record
from ingestion.errors import UserError
from ingestion.models import Collection
from ingestion.seen import digest, require_seen
from router.models import ModelVersion
from router.tuned import is_tainted, tainted
from training import runs
from training.appending import model_to_append_to, readers_of
from training.models import RetrainPolicy, TrainingRun
from training.outlook import Outlook, has_changed, retrain_outlook, retrain_scope
from training.policy import Decision, Policy, should_retrain

logger = logging.getLogger(__name__)

State = TrainingRun.State


@dataclass(frozen=True, slots=True)
class Advice:
    """What a retrain of `model` would bring, and what the policy makes of it. None: a first one."""

    model: ModelVersion | None
    outlook: Outlook
    decision: Decision


def advise() -> list[Advice]:
    """For each model that serves; also for the first one for everybody, when there is none."""
    policy = current_policy()
    serving = list(
        ModelVersion.objects.filter(stage=ModelVersion.Stage.SERVING).order_by("audience")
    )
    closed = tainted(serving)
    advices = [_advise(model, policy, is_tainted=model.pk in closed) for model in serving]
    if all(model.audience for model in serving):
        advices.insert(0, _advise(None, policy, is_tainted=False))
    return advices


def retrain_when_due() -> list[TrainingRun]:
    """Request the runs that the policy asks for now. One that is refused holds up no other."""
    if not current_policy().enabled or not _due():
        return []
    with transaction.atomic():
        # Of two at once the second sees what the first one requested.
        policy = RetrainPolicy.objects.select_for_update().get(pk=1)
        requested = (_requested(one, promote=policy.promote_when_passed) for one in _due())
        return [run for run in requested if run is not None]


def _due() -> list[Advice]:
    return [advice for advice in advise() if advice.decision.retrain]


def _requested(advice: Advice, *, promote: bool) -> TrainingRun | None:
    try:
        return _request(advice, promote=promote)
    except UserError as error:
        logger.warning("No retrain of %s: %s", advice.model or "the first model", error)
        return None


def current_policy() -> RetrainPolicy:
    """The installation's policy; as long as nobody has set one, that of the defaults: off."""
    return RetrainPolicy.objects.filter(pk=1).first() or RetrainPolicy(pk=1)


def policy_seen(policy: RetrainPolicy) -> str:
    """What whoever sets the policy looks at: another one once somebody changed any of it."""
    return digest(
        policy.enabled,
        policy.every_hours,
        policy.least_new_facts,
        policy.least_stale_share,
        policy.promote_when_passed,
    )


def change_policy(
    *,
    by: Actor,
    enabled: bool,
    every_hours: int,
    least_new_facts: int,
    least_stale_share: float,
    promote_when_passed: bool,
    looked_at: str = "",
) -> RetrainPolicy:
    """`looked_at` is its `policy_seen` when it was shown. Raises `UserError`: `bad-policy`, for
    values that make no sense, and `changed-meanwhile`."""
    if every_hours < 1 or least_new_facts < 1:
        raise UserError("bad-policy", "Give at least one hour and at least one new fact.")
    if not 0 < least_stale_share <= 1:
        raise UserError("bad-policy", "Give a share of stale passages above 0 and up to 1.")
    with transaction.atomic():
        RetrainPolicy.objects.select_for_update().filter(pk=1).first()
        now = current_policy()
        require_seen(policy_seen(now), looked_at, told=_changed_to(now))
        policy, _ = RetrainPolicy.objects.update_or_create(
            pk=1,
            defaults={
                "enabled": enabled,
                "every_hours": every_hours,
                "least_new_facts": least_new_facts,
                "least_stale_share": least_stale_share,
                "promote_when_passed": promote_when_passed,
                "changed_by_id": by.pk if by else None,
            },
        )
        state = "on" if enabled else "off"
        record(by, "set the retrain policy", detail=f"{state}, every {every_hours} h")
    return policy


def _changed_to(policy: RetrainPolicy) -> str:
    state = "on" if policy.enabled else "off"
    serves = "serves at once" if policy.promote_when_passed else "waits to be promoted"
    return (
        f"Somebody changed this meanwhile. Retraining by itself is {state} now: at most every "
        f"{policy.every_hours} h, when there are {policy.least_new_facts} new facts or "
        f"{policy.least_stale_share:.1%} is stale; a model that passes its gate {serves}."
    )


def _advise(model: ModelVersion | None, policy: RetrainPolicy, *, is_tainted: bool) -> Advice:
    outlook, scope = retrain_outlook(model), retrain_scope(model)
    earlier = TrainingRun.objects.filter(collections__in=scope).distinct()
    last = earlier.order_by("-requested_at").first()
    decision = should_retrain(
        Policy(
            enabled=policy.enabled,
            every_hours=policy.every_hours,
            least_new_facts=policy.least_new_facts,
            least_stale_share=policy.least_stale_share,
        ),
        collections=scope.count(),
        new_facts=outlook.new_facts,
        stale_share=outlook.stale_share,
        changed_share=outlook.changed_share if model is not None else None,
        tainted=is_tainted,
        hours_since_last=_hours_since(last),
        waiting=earlier.filter(state__in=TrainingRun.UNFINISHED).exists(),
        made_already=_made_already(earlier, scope, model) if policy.enabled else "",
    )
    return Advice(model, outlook, decision)


def _made_already(
    earlier: QuerySet[TrainingRun],
    scope: QuerySet[Collection],
    serving: ModelVersion | None,
) -> str:
    """Which of the runs had the data that the next one would have, and what became of its model."""
    audience = serving.audience if serving is not None else ""
    judged = earlier.filter(state__in=(State.GATED, State.REJECTED, State.PROMOTED))
    kept = judged.filter(model__audience=audience, model__pruned_at__isnull=True)
    run = kept.select_related("model").order_by("-requested_at").first()
    if run is None or run.model is None or is_tainted(run.model) or has_changed(run.model, scope):
        return ""
    if run.state == State.REJECTED:
        became = "was stopped by its gate"
    elif run.model.promoted_at is None:
        became = "waits to be promoted"
    else:
        became = "served already"
    return f"The data is that of {run}, whose model {run.model} {became}."


def _hours_since(run: TrainingRun | None) -> float | None:
    return (timezone.now() - run.requested_at).total_seconds() / 3600 if run else None


def _request(advice: Advice, *, promote: bool) -> TrainingRun:
    """With as much time as the last run; in full when the model cannot be appended to after all."""
    scope = retrain_scope(advice.model)
    last = TrainingRun.objects.filter(collections__in=scope).order_by("-requested_at").first()
    mode, reason = advice.decision.mode, advice.decision.reason
    if mode == "append":
        try:
            model_to_append_to(readers_of(scope))
        except UserError as error:
            mode, reason = "full", str(error)
    return runs.request(
        collections=list(scope),
        by=None,
        mode=mode,
        max_minutes=last.max_minutes if last else runs.MINUTES,
        promote_when_passed=promote,
        reason=reason,
    )
