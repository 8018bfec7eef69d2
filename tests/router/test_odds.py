"""Probabilities and the logarithm of their odds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.odds import log_odds, probability_of


@given(st.floats(1e-6, 1 - 1e-6))
def test_a_probability_is_that_of_its_odds(probability: float) -> None:
    assert probability_of(log_odds(probability)) == pytest.approx(probability)


@pytest.mark.parametrize("certain", [0.0, 1.0])
def test_what_is_rounded_to_certainty_has_odds_as_well(certain: float) -> None:
    assert probability_of(log_odds(certain, rounded=1e-3)) == pytest.approx(abs(certain - 1e-3))


@pytest.mark.parametrize(("odds", "probability"), [(1e6, 1.0), (-1e6, 0.0), (0.0, 0.5)])
def test_no_odds_are_too_long(odds: float, probability: float) -> None:
    assert probability_of(odds) == pytest.approx(probability, abs=1e-12)
