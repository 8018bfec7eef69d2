"""Simple routers, from what the tuned model and the answers from passages were measured to say.

They tell what a router is worth: one that does not beat them decides nothing. They take answers as
they were measured: the tuned model's as it says them, those from passages as they are shown when
they are checked, and none by a precedent. Pure.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, replace
from typing import Any

import numpy as np

from router.prices import Prices
from training.benchmark.scoring import Measures, Scored, measured

ALWAYS_TUNED, ALWAYS_RAG, RANDOM = "always tuned", "always rag", "random"
PROVENANCE, ORACLE = "provenance only", "oracle"
# Routers that are one of the two engines, and nothing more.
ENGINES = (ALWAYS_TUNED, ALWAYS_RAG)

Answers = Sequence[Scored]
Choose = Callable[[Scored, Scored], Scored]


def routers(tuned: Answers, rag: Answers, covered: AbstractSet[int]) -> dict[str, Answers]:
    """The answers by each router that chooses one of the two; `covered` are question numbers.

    `provenance only` asks the tuned model where it was trained on questions about the very text of
    the best passage. `oracle` knows the right answer and takes the better one of the two.
    """

    def by_provenance(one: Scored, other: Scored) -> Scored:
        return one if one.said.question in covered else other

    return {
        ALWAYS_TUNED: tuned,
        ALWAYS_RAG: rag,
        PROVENANCE: _chosen(tuned, rag, by_provenance),
        ORACLE: _chosen(tuned, rag, _better),
    }


def _chosen(tuned: Answers, rag: Answers, choose: Choose) -> list[Scored]:
    others = {one.key: one for one in rag}
    return [choose(one, others[one.key]) for one in tuned if one.key in others]


def _better(one: Scored, other: Scored) -> Scored:
    return max(one, other, key=_worth)


def _worth(one: Scored) -> tuple[bool, bool, bool, float, float]:
    """Right before nearly right before wrong before superseded; then the quicker one."""
    outcome = one.outcome
    return outcome.correct, outcome.contains, not one.stale, outcome.token_f1, -one.said.ms


# --- At random ---------------------------------------------------------------------------------


def at_random(tuned: Answers, rag: Answers, share: float, prices: Prices) -> Measures:
    """What to expect when each question goes to the tuned model with probability `share`.

    Means are linear in the share, so they are exact and nothing is drawn. `refusal_precision` is
    the ratio of the expected counts. Percentiles are those of the mixture. `answer_shown`, a share
    of those alone that are refused, is None. Raises ValueError for no answers.
    """
    one, other = measured(tuned, prices), measured(rag, prices)
    means: dict[str, Any] = {
        field.name: _mix(getattr(one, field.name), getattr(other, field.name), share)
        for field in fields(Measures)
        if field.name not in ("n", "routes")
    }
    routes = {
        name: share * part + (1 - share) * other.routes[name] for name, part in one.routes.items()
    }
    mixture = replace(one, **means, routes=routes)
    return replace(
        mixture,
        answer_shown=None,
        refusal_precision=_precision(mixture, tuned),
        ms_p50=_percentile(tuned, rag, share, 0.5),
        ms_p99=_percentile(tuned, rag, share, 0.99),
    )


def _mix(one: float | None, other: float | None, share: float) -> float | None:
    return None if one is None or other is None else share * one + (1 - share) * other


def _precision(mixture: Measures, answers: Answers) -> float | None:
    answerable = sum(one.outcome.answerable for one in answers)
    right = (mixture.refusal_recall or 0.0) * (len(answers) - answerable)
    wrong = (mixture.over_refusal or 0.0) * answerable
    return right / (right + wrong) if right + wrong else None


def _percentile(tuned: Answers, rag: Answers, share: float, rank: float) -> float:
    """The least time within which `rank` of the mixture is answered."""
    times = [one.said.ms for one in (*tuned, *rag)]
    weights = [share / len(tuned)] * len(tuned) + [(1 - share) / len(rag)] * len(rag)
    return float(np.quantile(times, rank, weights=weights, method="inverted_cdf"))
