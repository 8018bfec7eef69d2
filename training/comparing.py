"""Systems compared question by question: how much a new model gains over another one. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from training.metrics import Difference, Outcome, paired_difference

Other = Literal["serving", "rag"]
Value = Callable[[Outcome], float]


@dataclass(frozen=True, slots=True)
class Compared:
    """One test question: its collection, and the outcome of each system that was asked it.

    `superseded`: the tuned model gave a value that only an earlier version held. `shown`: the
    check of answers lets what it said pass; None: that was not looked at.
    """

    domain: str
    tuned: Outcome
    serving: Outcome | None = None
    rag: Outcome | None = None
    superseded: bool = False
    shown: bool | None = None


@dataclass(frozen=True, slots=True)
class Gains:
    """What the new model gains on the answerable questions that both systems were asked."""

    overall: Difference
    by_domain: dict[str, Difference]


def gains(questions: Sequence[Compared], *, over: Other, value: Value) -> Gains | None:
    """In `value`, such as `exact`. None: there is no question to compare."""
    pairs = [
        (question.domain, question.tuned, other)
        for question in questions
        if (other := question.serving if over == "serving" else question.rag)
        and question.tuned.answerable
    ]
    if not pairs:
        return None
    domains = sorted({domain for domain, _, _ in pairs})
    return Gains(
        overall=_difference([(new, old) for _, new, old in pairs], value),
        by_domain={
            domain: _difference([(new, old) for place, new, old in pairs if place == domain], value)
            for domain in domains
        },
    )


def exact(outcome: Outcome) -> float:
    return float(outcome.exact)


def f1(outcome: Outcome) -> float:
    return outcome.token_f1


def _difference(pairs: Sequence[tuple[Outcome, Outcome]], value: Value) -> Difference:
    return paired_difference(
        [value(new) for new, _ in pairs],
        [value(old) for _, old in pairs],
        [new.fact for new, _ in pairs],
    )
