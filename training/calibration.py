"""Fitting how likely a tuned model is right, and from which probability on it may answer. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from router.calibration import Bin, Calibration
from router.signals import FEATURES

LEVEL = 0.95
# Of the borne-out answers those are shown whose evidence fits best: shares that are tried one after
# the other, the strictest first, until one is not certified. In a sequence that is fixed before,
# each may be tried with the whole confidence (Angelopoulos et al., arXiv:2110.01052, section 3.2).
SHARES = tuple(percent / 100 for percent in range(50, 101, 2))
# An answer from the weights took between a half and two thirds of the time of one from passages, on
# four companies. So where it is wrong more often than this, to ask for it first only costs time.
WORTHWHILE = 0.5
# An evaluation asks as much that nothing answers as it asks else. Of what people ask that is taken
# to be no more than this.
UNANSWERED = 0.25
FOLDS = 5
BINS = 5
# With fewer of either outcome a regression would fit chance.
LEAST_OF_EACH = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """A question that the policy lets the tuned model answer, if it is likely enough to be right.

    `right`: it gave the right answer. `evidence` is how well its answer is borne out, None: not
    at all. `wrong_shown`: it passed, is not right in other words either, and is not what precedents
    answer without the model. Questions of one `group` are about one passage, and how one went may
    stand in the features of the others. `is_answerable`: there is a right answer.
    """

    features: tuple[float, ...]
    right: bool
    wrong_shown: bool
    group: str
    evidence: float | None = None
    is_answerable: bool = True


@dataclass(frozen=True, slots=True)
class _Certified:
    """By how well evidence must fit, whether that is certified, and by which figures."""

    is_certified: bool
    evidence: float
    questions: int
    errors: int
    bound: float


def fit(samples: Sequence[Sample], *, target: float) -> Calibration:
    """A regression on all samples, judged and certified on probabilities from others than each.

    The questions are split by group into folds; each gets its probability from a regression on
    the other folds.
    """
    features = np.array([one.features for one in samples], float).reshape(-1, len(FEATURES))
    right = np.array([one.right for one in samples], bool)
    counted = _counted(samples)
    unseen = _unseen_probabilities(features, right, counted, _folds(samples))
    weights, intercept, means, scales = _regression(features, right, counted)
    found = _certify(samples, unseen, target)
    return Calibration(
        weights=tuple(weights.tolist()),
        means=tuple(means.tolist()),
        scales=tuple(scales.tolist()),
        intercept=intercept,
        target=target,
        level=LEVEL,
        questions=len(samples),
        threshold=WORTHWHILE if found.is_certified else None,
        evidence=found.evidence,
        certified=found.questions,
        errors=found.errors,
        bound=found.bound,
        why_none="" if found.is_certified else _why_none(found, target),
        bins=_bins(unseen, right, counted),
        brier=float(np.average((unseen - right) ** 2, weights=counted)) if len(samples) else 0.0,
        expected_error=_expected_error(unseen, right, counted),
    )


# --- The regression ---------------------------------------------------------------------------


def _counted(samples: Sequence[Sample]) -> Floats:
    """How much each question counts: where more than `UNANSWERED` have no answer, less."""
    answerable = np.array([one.is_answerable for one in samples], bool)
    there, missing = answerable.sum(), (~answerable).sum()
    most = UNANSWERED / (1 - UNANSWERED) * there
    return np.where(answerable, 1.0, min(1.0, most / missing) if there and missing else 1.0)


def _regression(
    features: Floats, right: NDArray[np.bool_], counted: Floats
) -> tuple[Floats, float, Floats, Floats]:
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
        odds = (counted[right].sum() + 1) / (counted[~right].sum() + 1)
        return np.zeros(len(FEATURES)), float(np.log(odds)), means, scales
    fitted = LogisticRegression().fit((features - means) / scales, right, sample_weight=counted)
    return fitted.coef_[0], float(fitted.intercept_[0]), means, scales


def _folds(samples: Sequence[Sample]) -> NDArray[np.int64]:
    groups = sorted({one.group for one in samples})
    fold_of = {group: number % FOLDS for number, group in enumerate(groups)}
    return np.array([fold_of[one.group] for one in samples], np.int64)


def _unseen_probabilities(
    features: Floats, right: NDArray[np.bool_], counted: Floats, folds: NDArray[np.int64]
) -> Floats:
    probabilities = np.zeros(len(right))
    for fold in set(folds.tolist()):
        here = folds == fold
        others = features[~here], right[~here], counted[~here]
        weights, intercept, means, scales = _regression(*others)
        logits = ((features[here] - means) / scales) @ weights + intercept
        probabilities[here] = 1 / (1 + np.exp(-logits))
    return probabilities


# --- The threshold ----------------------------------------------------------------------------


def _certify(samples: Sequence[Sample], unseen: Floats, target: float) -> _Certified:
    """The most generous evidence that is certified; without any, what came of the strictest.

    Of all questions at most `target` may get a wrong answer for its sake. Those not worth asking
    get none.
    """
    asked = [one for one, likely in zip(samples, unseen, strict=True) if likely >= WORTHWHILE]
    found = _Certified(False, 0.0, len(samples), 0, 1.0)
    for share in SHARES:
        evidence = _least_evidence(asked, share)
        errors = sum(one.wrong_shown and (one.evidence or 0) >= evidence for one in asked)
        bound = upper_bound(errors, len(samples), level=LEVEL)
        counted = len(samples), errors, bound
        if bound > target:
            return found if found.is_certified else _Certified(False, evidence, *counted)
        found = _Certified(True, evidence, *counted)
    return found


def _least_evidence(samples: Sequence[Sample], share: float) -> float:
    """The score that this share of the borne-out answers has; 0 for all of them."""
    scores = sorted((one.evidence for one in samples if one.evidence is not None), reverse=True)
    return 0.0 if share == 1 or not scores else scores[max(round(len(scores) * share) - 1, 0)]


def upper_bound(errors: int, questions: int, *, level: float) -> float:
    """The greatest share of errors that is not improbable, with confidence `level`.

    Clopper and Pearson (1934), one-sided: the `level` quantile of Beta(errors + 1, questions −
    errors).
    """
    from scipy.stats import beta

    if errors >= questions:
        return 1.0
    return float(beta.ppf(level, errors + 1, questions - errors))


def _why_none(found: _Certified, target: float) -> str:
    return (
        f"Of {found.questions} questions that no rule keeps from it, {found.errors} got a wrong "
        "answer whose evidence fits better than that of half of the answers. So with "
        f"{LEVEL:.0%} confidence up to {found.bound:.1%} get one, and {target:.1%} is allowed: "
        "nothing is certified."
    )


# --- How far they come true -------------------------------------------------------------------


def _bins(unseen: Floats, right: NDArray[np.bool_], counted: Floats) -> tuple[Bin, ...]:
    """About as many questions in each, from the least probable on."""
    return tuple(
        Bin(
            len(places),
            float(np.average(unseen[places], weights=counted[places])),
            float(np.average(right[places], weights=counted[places])),
        )
        for places in _by_belief(unseen)
    )


def _expected_error(unseen: Floats, right: NDArray[np.bool_], counted: Floats) -> float:
    """The mean distance of belief and truth over the bins (expected calibration error)."""
    bins = _bins(unseen, right, counted)
    weights = [float(counted[places].sum()) for places in _by_belief(unseen)]
    gaps = [abs(one.believed - one.right) for one in bins]
    return fmean(gaps, weights) if bins else 0.0


def _by_belief(unseen: Floats) -> list[NDArray[np.int64]]:
    """The places of the questions of each bin."""
    order = np.argsort(unseen, kind="stable")
    return [places for places in np.array_split(order, BINS) if len(places)]
