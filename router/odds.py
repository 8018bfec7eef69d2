"""Probabilities and the logarithm of their odds, in which evidence adds up. Pure."""

import math

# Beyond it a probability is 0 or 1 as far as anybody can tell, and the exponential may overflow.
_FAR = 30.0


def log_odds(probability: float, *, rounded: float = 1e-6) -> float:
    """The natural logarithm of the odds. A probability within `rounded` of 0 or 1 counts as that
    far from it, as these have none."""
    inside = min(max(probability, rounded), 1 - rounded)
    return math.log(inside / (1 - inside))


def probability_of(odds: float) -> float:
    """The probability of which this is the logarithm of the odds: the logistic function."""
    return 1 / (1 + math.exp(-max(min(odds, _FAR), -_FAR)))
