"""Whether what the reader says is believed. Pure.

The check of `router.verification` tells what an answer cannot be. What it leaves is weighed, where
the reader tells how sure it is of its words: by that, and by how likely the sentence that bears
them out is the answer. A small reader is often right in a sentence that has no word of the
question, and seldom where it only guesses and nothing else speaks for it. One that does not tell is
held to the words of the question.
"""

import math
from collections.abc import Collection, Sequence

from router.asked_forms import LEAST_FACTOR
from router.evidence.focus import Place
from router.evidence.objections import ANOTHER_KIND
from router.odds import log_odds, probability_of
from router.prompts import Passage
from router.quoting import (
    BELIEVED,
    Likelihoods,
    is_only_one,
    likelihood_at,
    places_in,
    seconding,
)
from router.relevance import Span

GUESSED = "The model that read the passages only guessed."
UNLIKELY = "The sentence that holds the answer is unlikely to be about that."

# Of the logarithm of the odds that an answer is right: of the odds that the reader gives its words,
# of those that their sentence is the answer, and of the factor by which their form is more probable
# than for any question; and what it is more for the only value of a form. Fitted on 794 things that
# the reader said of six companies and that nothing refuted (docs/decisions.md).
BIAS, OF_CERTAINTY, OF_LIKELIHOOD, OF_FORM = -0.14, 0.58, 0.42, 0.71
FOR_ONLY = 1.02
# That a form is more probable by more than this factor says no more, as most answers in prose are
# some of its words.
MOST_FACTOR = 3.0
# From this probability on it is shown; from the second one on where the reader was given nothing
# but the likeliest sentence, as it then names something of that.
LEAST, LEAST_ALONE = 0.4, 0.6
# A reader that takes its words to be less probable than this guesses.
UNSURE = 0.5


def may_be_worded_otherwise(
    passages: Sequence[Passage], likely: Likelihoods, certainty: float | None
) -> Collection[Place]:
    """The sentences that need no word of the question to bear out what a reader finds there with
    this `certainty`, None: it does not tell: all, where it is weighed how likely they are, and else
    the likeliest."""
    is_weighed = certainty is not None and likely
    return places_in(passages) if is_weighed else seconding(likely)


def doubt(
    asked: str,
    passages: Sequence[Passage],
    likely: Likelihoods,
    span: Span,
    certainty: float | None,
    factor: float | None = None,
    *,
    least: float = LEAST,
) -> str:
    """Why an answer that the sentence at a span bears out is not believed, in plain words; empty:
    it is. By this `factor` answers to this question more often have its form than any others do,
    None: nobody knows."""
    if factor is not None and factor < LEAST_FACTOR:
        return ANOTHER_KIND
    likelihood, is_only = likelihood_at(passages, likely, span), is_only_one(asked, passages, span)
    is_guess = certainty is not None and certainty < UNSURE
    if certainty is None or likelihood is None:
        is_unlikely = likelihood is not None and likelihood < BELIEVED
        is_believed = is_only or not (is_guess or is_unlikely)
    else:
        factor = MOST_FACTOR if factor is None else factor
        right = probability(certainty, likelihood, factor, is_only=is_only)
        is_believed = right >= least
    if is_believed:
        return ""
    return GUESSED if is_guess else UNLIKELY


def probability(certainty: float, likelihood: float, factor: float, *, is_only: bool) -> float:
    """That an answer is right which the reader takes to be as probable as its `certainty`, in a
    sentence of this `likelihood`, of a form that is more probable by this `factor` than for any
    question."""
    odds = (
        BIAS
        + OF_CERTAINTY * log_odds(certainty)
        + OF_LIKELIHOOD * log_odds(likelihood)
        + OF_FORM * math.log(min(max(factor, LEAST_FACTOR), MOST_FACTOR))
        + FOR_ONLY * is_only
    )
    return probability_of(odds)
