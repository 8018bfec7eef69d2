"""Which of the values that precedents lead to is the answer. Pure.

A logistic regression on how near the precedent is and on how likely the reranker finds its sentence
the answer, of its passage alone, both also beside the best of the other values. It was fitted on
the questions about three companies whose documents came with pairs (docs/decisions.md). What only
questions made by rules lead to must be likelier: in prose it is often something near.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from router.odds import log_odds, probability_of
from router.precedents.kinds import LEAST_LIKELY
from router.precedents.leads import Lead

# Of the logarithm of the odds: of the score and of the odds of the likelihood, of what both are
# above the next best, and what it is more for the only value of its kind, and less beside it.
BIAS, OF_SCORE, OF_LEAD, OF_LIKELY, OF_LIKELIER = -3.6, 6.15, 9.2, 0.23, 0.32
FOR_KIN, BESIDE_KIN = 2.5, -2.2
# What one without others is above them, how likely these are, and where nobody knows how likely a
# sentence is.
NO_OTHERS, NO_LIKELIHOOD, UNKNOWN = 0.1, 0.1, 0.2
# From the first on the value is the answer, and from the second on nobody is asked how likely its
# sentence is.
CHOSEN, SURE = 0.65, 0.9
# The same as the first for what only questions made by rules lead to.
CHOSEN_BY_RULES = 0.8
# A likelihood of 0 or 1 is rounded, and has no logarithm of its odds.
_ROUNDED = 1e-3


@dataclass(frozen=True, slots=True)
class Choice:
    """The likeliest value, and how likely it is the answer, 0 to 1."""

    lead: Lead
    probability: float

    @property
    def is_answer(self) -> bool:
        return self.probability >= (CHOSEN if self.lead.is_written else CHOSEN_BY_RULES)

    @property
    def is_sure(self) -> bool:
        """Even if nobody knows how likely its sentence is."""
        return self.lead.is_worded and self.probability >= SURE


def sure(leads: Sequence[Lead]) -> Lead | None:
    """The value that is surely the answer, whatever its sentence and a model say; None: there is no
    such."""
    choice = _likeliest(dict.fromkeys(leads, UNKNOWN))
    return choice.lead if choice and choice.is_sure else None


def choose(leads: Sequence[Lead], likely: Callable[[Lead], float | None]) -> Choice | None:
    """The likeliest of the values; None: there is none.

    `likely` tells how likely the sentence of one is the answer, None: unknown; it is not asked
    where one is sure without.
    """
    without = _likeliest(dict.fromkeys(leads, UNKNOWN))
    if without is None or without.is_sure:
        return without
    known = {lead: one for lead in leads if (one := likely(lead)) is not None}
    if len(known) < len(leads):
        return without
    # What no sentence says in such words is at least not unlikely.
    may_be = {lead: one for lead, one in known.items() if lead.is_worded or one >= LEAST_LIKELY}
    return _likeliest(may_be)


def _likeliest(likely: Mapping[Lead, float]) -> Choice | None:
    odds = {lead: _odds(lead, likely) for lead in likely}
    if not odds:
        return None
    best = max(odds, key=odds.__getitem__)
    return Choice(best, probability_of(odds[best]))


def _odds(lead: Lead, likely: Mapping[Lead, float]) -> float:
    """The logarithm of the odds that it is the answer."""
    others = [one for one in likely if one != lead]
    next_score = max((one.score for one in others), default=lead.score - NO_OTHERS)
    next_likely = max((likely[one] for one in others), default=NO_LIKELIHOOD)
    own, other = (log_odds(one, rounded=_ROUNDED) for one in (likely[lead], next_likely))
    return (
        BIAS
        + OF_SCORE * lead.score
        + OF_LEAD * (lead.score - next_score)
        + OF_LIKELY * own
        + OF_LIKELIER * (own - other)
        + FOR_KIN * lead.is_kin
        + BESIDE_KIN * any(one.is_kin for one in others)
    )
