"""Fitting how likely a tuned model is right, and from which probability on it may answer. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from router.calibration import Bin, Calibration
from router.signals import FEATURES

LEVEL = 0.95
# Thresholds that are tried: one that lets all questions through, and one that lets half. The
# confidence is divided between them (Bonferroni), so that trying two certifies no more than one.
SHARES = (1.0, 0.5)
FOLDS = 5
BINS = 5
# With fewer of either outcome a regression would fit chance.
LEAST_OF_EACH = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """A question that the policy lets the tuned model answer, if it is likely enough to be right.

    `right`: it gave the right answer. `wrong_shown`: it gave another one, and the check let that
    pass. Questions of one `fact` are not independent.
    """

    features: tuple[float, ...]
    right: bool
    wrong_shown: bool
    fact: str


def fit(samples: Sequence[Sample], *, target: float) -> Calibration:
    """A regression on all samples, judged and certified on probabilities from others than each.

    The questions are split by fact into folds; each gets its probability from a regression on the
    other folds.
    """
    features = np.array([one.features for one in samples], float).reshape(-1, len(FEATURES))
    right = np.array([one.right for one in samples], bool)
    unseen = _unseen_probabilities(features, right, _folds(samples))
    weights, intercept, means, scales = _regression(features, right)
    threshold, certified, errors, bound = _certify(samples, unseen, target)
    return Calibration(
        weights=tuple(weights.tolist()),
        means=tuple(means.tolist()),
        scales=tuple(scales.tolist()),
        intercept=intercept,
        target=target,
        level=LEVEL,
        questions=len(samples),
        threshold=threshold,
        certified=certified,
        errors=errors,
        bound=bound,
        why_none="" if threshold is not None else _why_none(certified, errors, bound, target),
        bins=_bins(unseen, right),
        brier=float(np.mean((unseen - right) ** 2)) if len(samples) else 0.0,
        expected_error=_expected_error(unseen, right),
    )


# --- The regression ---------------------------------------------------------------------------


def _regression(features: Floats, right: NDArray[np.bool_]) -> tuple[Floats, float, Floats, Floats]:
    """Weights of the standardised features, the intercept, and each feature's mean and scale.

    With too few questions of either outcome the weights are 0, and every probability is the mean
    of a beta distribution: (right + 1) / (questions + 2).
    """
    # Takes half a second to import, and only a training needs it.
    from sklearn.linear_model import LogisticRegression

    means = features.mean(axis=0) if len(features) else np.zeros(len(FEATURES))
    spread = features.std(axis=0) if len(features) else np.ones(len(FEATURES))
    scales = np.where(spread > 1e-9, spread, 1.0)
    if min(right.sum(), (~right).sum()) < LEAST_OF_EACH:
        odds = (right.sum() + 1) / ((~right).sum() + 1)
        return np.zeros(len(FEATURES)), float(np.log(odds)), means, scales
    fitted = LogisticRegression().fit((features - means) / scales, right)
    return fitted.coef_[0], float(fitted.intercept_[0]), means, scales


def _folds(samples: Sequence[Sample]) -> NDArray[np.int64]:
    facts = sorted({one.fact for one in samples})
    fold_of = {fact: number % FOLDS for number, fact in enumerate(facts)}
    return np.array([fold_of[one.fact] for one in samples], np.int64)


def _unseen_probabilities(
    features: Floats, right: NDArray[np.bool_], folds: NDArray[np.int64]
) -> Floats:
    probabilities = np.zeros(len(right))
    for fold in set(folds.tolist()):
        here = folds == fold
        weights, intercept, means, scales = _regression(features[~here], right[~here])
        logits = ((features[here] - means) / scales) @ weights + intercept
        probabilities[here] = 1 / (1 + np.exp(-logits))
    return probabilities


# --- The threshold ----------------------------------------------------------------------------


def _certify(
    samples: Sequence[Sample], unseen: Floats, target: float
) -> tuple[float | None, int, int, float]:
    """The first threshold that is certified, its questions, their errors and their bound.

    Without one, these figures are of all questions.
    """
    order = np.argsort(-unseen, kind="stable")
    wrong = np.array([samples[place].wrong_shown for place in order], bool)
    looked_at: list[tuple[int, int, float]] = []
    for share in SHARES:
        count = round(len(samples) * share)
        errors = int(wrong[:count].sum())
        bound = upper_bound(errors, count, level=1 - (1 - LEVEL) / len(SHARES))
        looked_at.append((count, errors, bound))
        if count and bound <= target:
            return float(unseen[order[count - 1]]), count, errors, bound
    return None, *looked_at[0]


def upper_bound(errors: int, questions: int, *, level: float) -> float:
    """The greatest share of errors that is not improbable, with confidence `level`.

    Clopper and Pearson (1934), one-sided: the `level` quantile of Beta(errors + 1, questions −
    errors).
    """
    from scipy.stats import beta

    if errors >= questions:
        return 1.0
    return float(beta.ppf(level, errors + 1, questions - errors))


def _why_none(questions: int, errors: int, bound: float, target: float) -> str:
    return (
        f"Of {questions} questions that it was judged by, {errors} got a wrong answer that passed "
        f"the check. So up to {bound:.0%} may, and {target:.0%} is allowed: nothing is certified."
    )


# --- How far they come true -------------------------------------------------------------------


def _bins(unseen: Floats, right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """About as many questions in each, from the least probable on."""
    order = np.argsort(unseen, kind="stable")
    return tuple(
        Bin(len(places), float(unseen[places].mean()), float(right[places].mean()))
        for places in np.array_split(order, BINS)
        if len(places)
    )


def _expected_error(unseen: Floats, right: NDArray[np.bool_]) -> float:
    """The mean distance of belief and truth over the bins (expected calibration error)."""
    bins = _bins(unseen, right)
    weights = [one.questions for one in bins]
    gaps = [abs(one.believed - one.right) for one in bins]
    return fmean(gaps, weights) if bins else 0.0
