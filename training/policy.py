"""When a retrain is worth its time, and whether from the base or on top. Pure."""

from dataclasses import dataclass
from typing import Literal

# A pass over little news keeps what was learned; over much it blurs it, and costs as much.
APPEND_BELOW = 0.05

Mode = Literal["full", "append"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Either threshold is enough; shares are of the passages that the serving model knows."""

    enabled: bool
    every_hours: float
    least_new_facts: int
    least_stale_share: float


@dataclass(frozen=True, slots=True)
class Decision:
    retrain: bool
    mode: Mode
    reason: str


def should_retrain(
    policy: Policy,
    *,
    collections: int,
    new_facts: int,
    stale_share: float,
    changed_share: float | None,
    tainted: bool,
    hours_since_last: float | None,
    waiting: bool,
    made_already: str,
) -> Decision:
    """`collections`: so many a retrain would take. `stale_share`: known passages that were changed
    or withdrawn. `changed_share`: these and the new ones; None when no model serves. `tainted`: the
    serving model answers nobody, as what it knows got fewer readers. `hours_since_last`: since a
    run was requested, if one was. `made_already`: which run had this very data, and what became of
    it; empty: none had.
    """
    mode, why = advised_mode(changed_share, tainted=tainted)

    def no(reason: str) -> Decision:
        return Decision(retrain=False, mode=mode, reason=reason)

    if not policy.enabled:
        return no("Retraining by itself is switched off.")
    if not collections:
        return no("There is no collection that may be taught to its readers.")
    if waiting:
        return no("A run of these collections is waiting or under way.")
    if hours_since_last is not None and hours_since_last < policy.every_hours:
        left = policy.every_hours - hours_since_last
        return no(
            f"The last run was {hours_since_last:.1f} h ago; the next may start in {left:.1f} h."
        )
    if tainted:
        enough = True
        news = "The serving model answers nobody, as documents of it have fewer readers."
    else:
        enough, news = _news(policy, new_facts, stale_share)
    if not enough:
        return no(news)
    if made_already:
        return no(made_already)
    return Decision(retrain=True, mode=mode, reason=f"{news} {why}")


def _news(policy: Policy, new_facts: int, stale_share: float) -> tuple[bool, str]:
    """Whether they are enough; and what they are, or what is missing."""
    if not new_facts and not stale_share:
        return False, "Nothing has changed since the serving model was trained."
    if new_facts >= policy.least_new_facts:
        return True, f"{new_facts} new facts."
    if stale_share >= policy.least_stale_share:
        return True, f"{stale_share:.0%} of passages stale."
    return False, (
        f"{new_facts} new facts, under {policy.least_new_facts}, and {stale_share:.0%} of the "
        f"model's passages are stale, under {policy.least_stale_share:.0%}."
    )


def advised_mode(changed_share: float | None, *, tainted: bool) -> tuple[Mode, str]:
    """The mode for this share of changed passages, and why; what is `tainted` is not built upon."""
    if tainted:
        return "full", "From the base model, since the serving one knows what it must not."
    if changed_share is None:
        return "full", "From the base model, since no model serves yet."
    news = f"what is new or changed comes to {changed_share:.0%} of what it knows"
    if changed_share < APPEND_BELOW:
        return "append", f"On top of the serving model, since {news}."
    return "full", f"From the base model, since {news}."
