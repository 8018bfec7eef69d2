"""What the answers of one system are worth: shares, times, tokens, cost, and how sure. Pure.

Definitions of right, contained, refused and the shares over them are those of `training.metrics`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from router.prices import Prices
from training.benchmark.answers import Answered
from training.benchmark.questions import Question
from training.metrics import (
    Interval,
    Outcome,
    contains,
    judged,
    percentile,
    share_interval,
    summarised,
)

ROUTES = ("tuned", "rag", "refused")
# Those whose spread from run to run is told.
IN_EACH_RUN = ("exact_match", "correct", "ms_p50", "ms_p99", "tokens_per_answer")


@dataclass(frozen=True, slots=True)
class Scored:
    """One answer, judged. `stale` is None where the question has no superseded value.

    `shown`: one of the passages that are shown with it holds a right answer.
    """

    kind: str
    outcome: Outcome
    stale: bool | None
    shown: bool
    said: Answered

    @property
    def key(self) -> tuple[int, int]:
        """Question and run."""
        return self.said.question, self.said.run


@dataclass(frozen=True, slots=True)
class Measures:
    """Means over the answers of one system; a share is None where it has nothing to count.

    `n`: questions. Of the answerable ones: `exact_match`, `token_f1`, `contains` (a right answer is
    in it), `over_refusal`; and `answer_shown`, the share of those refused whose passages hold a
    right answer. Of the others: `refusal_recall`. Of all refusals, `refusal_precision` are right.
    `correct`: right, or refused where that is right. `stale_rate`: of the questions with a
    superseded value, answered with that value and without a right one. `ms_p50`, `ms_p99`: what an
    asker waits. Tokens and `cost_per_10k` are of the answers whose tokens are known;
    `uncounted` is the share of the others. `routes`: share by route.
    """

    n: int
    exact_match: float | None
    token_f1: float | None
    contains: float | None
    correct: float | None
    over_refusal: float | None
    answer_shown: float | None
    refusal_precision: float | None
    refusal_recall: float | None
    stale_rate: float | None
    ms_p50: float
    ms_p99: float
    prompt_tokens: float | None
    completion_tokens: float | None
    uncounted: float
    cost_per_10k: float | None
    routes: Mapping[str, float]

    @property
    def tokens_per_answer(self) -> float | None:
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return self.prompt_tokens + self.completion_tokens

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"tokens_per_answer": self.tokens_per_answer}


# --- One answer --------------------------------------------------------------------------------


def scored(question: Question, said: Answered, *, shown: bool) -> Scored:
    return Scored(
        kind=question.kind,
        outcome=judged(question.answers, said.text, fact=str(question.number)),
        stale=is_stale(question, said.text),
        shown=shown,
        said=said,
    )


def is_stale(question: Question, text: str) -> bool | None:
    """Whether `text` gives the superseded value as the answer; None: the question has none.

    It does if it holds that value as whole words and none of the right answers. An answer that
    tells both ("45 until May, now 60") is not stale.
    """
    if question.stale is None:
        return None
    if judged(question.answers, text).refused:
        return False
    right = any(contains(text, answer) for answer in question.answers)
    return contains(text, question.stale) and not right


# --- Many answers ------------------------------------------------------------------------------


def measured(answers: Sequence[Scored], prices: Prices) -> Measures:
    """Of one system, over all its runs. Raises ValueError for no answers."""
    summary = summarised([one.outcome for one in answers], intervals=False)
    refused = [one.shown for one in answers if one.outcome.answerable and one.outcome.refused]
    told = [one.said for one in answers if one.said.tokens_told]
    prompt = mean(said.prompt_tokens or 0 for said in told)
    completion = mean(said.completion_tokens or 0 for said in told)
    waited = [one.said.ms for one in answers]
    routes = Counter(one.said.route for one in answers)
    return Measures(
        n=len({one.said.question for one in answers}),
        exact_match=summary.exact_match,
        token_f1=summary.token_f1,
        contains=summary.contains,
        correct=mean(one.outcome.correct for one in answers),
        over_refusal=summary.over_refusal,
        answer_shown=mean(refused),
        refusal_precision=summary.refusal_precision,
        refusal_recall=summary.refusal_recall,
        stale_rate=mean(one.stale for one in answers if one.stale is not None),
        ms_p50=percentile(waited, 0.5),
        ms_p99=percentile(waited, 0.99),
        prompt_tokens=prompt,
        completion_tokens=completion,
        uncounted=1 - len(told) / len(answers),
        cost_per_10k=_of_10k(prices, prompt, completion),
        routes={name: routes[name] / len(answers) for name in ROUTES},
    )


def _of_10k(prices: Prices, prompt: float | None, completion: float | None) -> float | None:
    """Of 10,000 answers with so many tokens each; None: they are not known."""
    if prompt is None or completion is None:
        return None
    return 10_000 * prices.of(prompt, completion)


def over_runs(answers: Sequence[Scored], prices: Prices) -> dict[str, Interval]:
    """The least and the greatest value of each measure in any one run."""
    runs = dict.fromkeys(one.said.run for one in answers)
    each = [measured([a for a in answers if a.said.run == run], prices) for run in runs]
    values = {name: [getattr(measures, name) for measures in each] for name in IN_EACH_RUN}
    return {
        name: (min(known), max(known))
        for name, found in values.items()
        if (known := [value for value in found if value is not None])
    }


def mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None


# --- How sure ----------------------------------------------------------------------------------


def intervals(answers: Sequence[Scored]) -> dict[str, Interval]:
    """The 95 % interval of each share that has something to count.

    Questions are drawn, each with its answers of all runs: answers to one question are not
    independent.
    """
    cases: dict[str, list[tuple[float, str]]] = {}
    for one in answers:
        for name, value in _values(one).items():
            cases.setdefault(name, []).append((value, one.outcome.fact))
    return {
        name: share_interval([value for value, _ in rows], [fact for _, fact in rows])
        for name, rows in cases.items()
    }


def _values(one: Scored) -> dict[str, float]:
    """What one answer adds to each share."""
    outcome = one.outcome
    values = {"correct": float(outcome.correct)}
    if one.stale is not None:
        values["stale_rate"] = float(one.stale)
    if not outcome.answerable:
        return values | {"refusal_recall": float(outcome.refused)}
    return values | {
        "exact_match": float(outcome.exact),
        "token_f1": outcome.token_f1,
        "contains": float(outcome.contains),
        "over_refusal": float(outcome.refused),
    }
