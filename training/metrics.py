"""How good answers are: what one answer is worth, shares over many, and how sure these are. Pure.

Every share lies between 0 and 1, and is None where it has nothing to count.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.prompts import REFUSAL
from router.text import ARTICLES, exact_form, plain_form

RESAMPLES = 2_000
LEVEL = 0.95
SEED = 1

_ARTICLES_BETWEEN = " (?:(?:a|an|the) )*"

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one answer is worth. A question without right answers is not `answerable`.

    `token_f1` is the best over the right answers; for a question that is not answerable it is 1
    for a refusal and 0 for anything else. Questions of one `fact` are not independent.
    """

    answerable: bool
    exact: bool
    token_f1: float
    contains: bool
    refused: bool
    fact: str = ""

    @property
    def correct(self) -> bool:
        """The right answer, or the refusal where nothing is documented."""
        return self.exact if self.answerable else self.refused


@dataclass(frozen=True, slots=True)
class Summary:
    """Shares over the answers of one slice.

    Of the answerable questions: `exact_match`, `token_f1` and `contains` (means), `wrong`
    (answered with something that is not right) and `over_refusal` (refused). Of those that are
    not: `hallucination`, answered with a statement instead of a refusal. Of all refusals,
    `refusal_precision` are right; of all questions that are not answerable, `refusal_recall` are
    refused. `ci95` holds the 95 % intervals of exact_match, token_f1, over_refusal and
    hallucination.
    """

    n: int
    answerable: int
    exact_match: float | None
    token_f1: float | None
    contains: float | None
    wrong: float | None
    hallucination: float | None
    over_refusal: float | None
    refusal_precision: float | None
    refusal_recall: float | None
    ci95: dict[str, Interval] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of new minus old over the same `n` questions, with its interval; of questions that are
    all alike nothing is known of others, and `low` and `high` are the estimate."""

    estimate: float
    low: float
    high: float
    n: int


# --- One answer --------------------------------------------------------------------------------


def judged(answers: Sequence[str], said: str, *, fact: str = "") -> Outcome:
    """What `said` is worth where any of `answers` is right; none: the right one is a refusal."""
    refused = is_refusal(said)
    if not answers:
        return Outcome(False, False, float(refused), False, refused, fact)
    return Outcome(
        answerable=True,
        exact=exact_match(answers, said),
        token_f1=max(token_f1(answer, said) for answer in answers),
        contains=any(contains(said, answer) for answer in answers),
        refused=refused,
        fact=fact,
    )


def is_refusal(said: str) -> bool:
    return exact_form(said) == exact_form(REFUSAL)


def exact_match(answers: Iterable[str], said: str) -> bool:
    """Whether `said` is one of `answers`, both in the form of `router.text.exact_form`."""
    return exact_form(said) in {exact_form(answer) for answer in answers}


def token_f1(answer: str, said: str) -> float:
    """Harmonic mean of precision and recall of the words of `said`, each as often as it stands.

    Multisets, as in SQuAD (Rajpurkar and others 2016, section 6.1), on exact forms. Two empty
    texts are the same: 1.
    """
    wanted, given = (Counter(exact_form(text).split()) for text in (answer, said))
    if not wanted or not given:
        return float(wanted == given)
    return 2 * (wanted & given).total() / (wanted.total() + given.total())


def contains(text: str, value: str) -> bool:
    """Whether `text` holds `value` as whole words, with or without its articles: `5 s` is not in
    `15 s`, nor in `2.5 s`."""
    sought = exact_form(value)
    if not sought:
        return False
    # `Rack A` stands in `Rack A of hall 2`; alone, `A` is a value only where it is no article.
    held = exact_form(text) if sought in ARTICLES else plain_form(text)
    words = _ARTICLES_BETWEEN.join(map(re.escape, sought.split()))
    whole = rf"(?<!\w)(?<!\d[.,]){words}(?!\w)(?![.,]\d)"
    return re.search(whole, held) is not None


# --- Many answers ------------------------------------------------------------------------------


def summarised(outcomes: Sequence[Outcome], *, intervals: bool = True) -> Summary:
    """Without `intervals`, which take most of the time, `ci95` is empty."""
    known = [one for one in outcomes if one.answerable]
    unknown = [one for one in outcomes if not one.answerable]
    refusals = [one for one in outcomes if one.refused]
    measured = {
        "exact_match": [(float(one.exact), one.fact) for one in known],
        "token_f1": [(one.token_f1, one.fact) for one in known],
        "over_refusal": [(float(one.refused), one.fact) for one in known],
        "hallucination": [(float(not one.refused), one.fact) for one in unknown],
    }
    return Summary(
        n=len(outcomes),
        answerable=len(known),
        exact_match=_mean(one.exact for one in known),
        token_f1=_mean(one.token_f1 for one in known),
        contains=_mean(one.contains for one in known),
        wrong=_mean(not one.exact and not one.refused for one in known),
        hallucination=_mean(not one.refused for one in unknown),
        over_refusal=_mean(one.refused for one in known),
        refusal_precision=_mean(not one.answerable for one in refusals),
        refusal_recall=_mean(one.refused for one in unknown),
        ci95={
            name: share_interval([v for v, _ in values], [fact for _, fact in values])
            for name, values in measured.items()
            if values and intervals
        },
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie, linear between two (Hyndman and Fan 1996, 7).

    Raises ValueError for no values.
    """
    if not len(values):
        raise ValueError("There is no percentile of no values.")
    return float(np.quantile(values, share))


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None


# --- How sure ----------------------------------------------------------------------------------


def share_interval(values: Sequence[float], groups: Sequence[str] | None = None) -> Interval:
    """The 95 % interval of the mean of values between 0 and 1, with groups as `bootstrap_interval`.

    Where all are 0, or all 1, every draw is like the others and says nothing of those that were
    not seen; it is then that of Clopper and Pearson (1934) for so many groups. Raises ValueError
    for no values.
    """
    low, high = bootstrap_interval(values, groups)
    if low != high or low not in (0.0, 1.0):
        return low, high
    sums, _ = _grouped(values, groups)
    least = ((1 - LEVEL) / 2) ** (1 / len(sums))
    return (least, 1.0) if low else (0.0, 1 - least)


def bootstrap_interval(values: Sequence[float], groups: Sequence[str] | None = None) -> Interval:
    """The 95 % percentile interval of the mean (Efron and Tibshirani 1993, chapter 13).

    Values of one group are drawn together, because phrasings of one fact are right or wrong
    together (the cluster bootstrap of Field and Welsh 2007). Without a name, or without `groups`,
    each value is a group of its own. Raises ValueError for no values.
    """
    if not len(values):
        raise ValueError("There is no mean of no values.")
    sums, sizes = _grouped(values, groups)
    drawn = np.random.default_rng(SEED).integers(len(sums), size=(RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def paired_difference(
    new: Sequence[float],
    old: Sequence[float],
    groups: Sequence[str] | None = None,
) -> Difference:
    """How much better `new` is than `old` on the same questions.

    The paired bootstrap (Efron and Tibshirani 1993, section 16.3; for two systems on one test
    set: Koehn 2004): questions are drawn, and both systems keep their values on them. Raises
    ValueError for no questions or for lists of two lengths.
    """
    values = [a - b for a, b in zip(new, old, strict=True)]
    low, high = bootstrap_interval(values, groups)
    return Difference(sum(values) / len(values), low, high, len(values))


def paired_rise(new: Sequence[float], old: Sequence[float], share: float) -> Difference:
    """How much higher that percentile of `new` lies than that of `old`, by the paired bootstrap.

    Raises ValueError for no values or for lists of two lengths.
    """
    estimate = percentile(new, share) - percentile(old, share)
    pairs = np.array(list(zip(new, old, strict=True)))
    drawn = np.random.default_rng(SEED).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    rises = np.quantile(pairs[drawn], share, axis=1) @ [1.0, -1.0]
    low, high = np.quantile(rises, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(estimate, float(low), float(high), len(pairs))


def _grouped(
    values: Sequence[float], groups: Sequence[str] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and size of every group, in the order in which the groups appear."""
    sums: dict[object, float] = {}
    sizes: Counter[object] = Counter()
    for place, value in enumerate(values):
        group = (groups[place] if groups is not None else "") or place
        sums[group] = sums.get(group, 0.0) + value
        sizes[group] += 1
    return np.array(list(sums.values())), np.array([sizes[group] for group in sums], dtype=float)
