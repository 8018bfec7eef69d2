"""How likely a tuned model is right, and how likely it must be. Pure; fitted in `training`."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from router import asked_forms
from router.odds import probability_of
from router.quoting import WEIGHTS
from router.signals import FEATURES, Signals, features

# What `evidence` is measured by (`router.relevance`), and by which likelihoods: with another
# reranker, or other forms, the same number means something else.
_WEIGHTS = b"".join(path.read_bytes() for path in (WEIGHTS, asked_forms.WEIGHTS))
EVIDENCE = f"score_or_likelihood:{hashlib.sha256(_WEIGHTS).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of about the same probability: how many, what was believed, what was right."""

    questions: int
    believed: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression over `router.signals.FEATURES`, and the thresholds certified for it.

    The probability is 1 / (1 + exp(-(intercept + Σ weight · (feature − mean) / scale))). Of
    `certified` questions that no rule keeps from it, `errors` had a probability of `threshold`
    or more and got a wrong answer that passed the check with evidence of `evidence` or more, and
    that no precedent gives without the model. So with `level` confidence at most `bound` of all
    such questions do (Clopper and Pearson), which is no more than `target`. Without a threshold
    `why_none` says why. `bins`, `brier` and `expected_error` tell how far the probabilities of
    questions that they were not fitted on come true.
    """

    weights: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    intercept: float
    target: float
    level: float
    questions: int
    threshold: float | None = None
    evidence: float = 0.0
    certified: int = 0
    errors: int = 0
    bound: float = 1.0
    why_none: str = ""
    brier: float = 0.0
    expected_error: float = 0.0
    bins: tuple[Bin, ...] = ()

    def probability(self, signals: Signals) -> float:
        """That the tuned model answers rightly, between 0 and 1."""
        return self.of(features(signals))

    def of(self, values: tuple[float, ...]) -> float:
        """The same from the features themselves."""
        rows = zip(values, self.weights, self.means, self.scales, strict=True)
        logit = self.intercept + sum(w * (value - mean) / scale for value, w, mean, scale in rows)
        return probability_of(logit)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "features": [*FEATURES, EVIDENCE]}


def from_json(told: dict[str, Any]) -> Calibration | None:
    """What `as_json` gave; None when it was made for other features, or another evidence."""
    told = dict(told)
    if tuple(told.pop("features", ())) != (*FEATURES, EVIDENCE):
        return None
    sequences = {key: tuple(told[key]) for key in ("weights", "means", "scales")}
    bins = tuple(Bin(**one) for one in told["bins"])
    return Calibration(**{**told, **sequences, "bins": bins})
