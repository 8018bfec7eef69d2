"""What the answers of some days amount to."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.insights import Tally, Total, by_day, by_route, cost, ranks, saving, total
from router.prices import Prices

ROUTES = ("tuned", "rag", "refused")
PRICES = Prices(prompt=2.0, completion=10.0)
FIRST, LAST = date(2026, 5, 4), date(2026, 5, 6)
TALLIES = [
    Tally(FIRST, "tuned", 3, 300, 30, 2, 1),
    Tally(FIRST, "rag", 1, 1_000, 20, 0, 0),
    Tally(LAST, "rag", 1, 3_000, 40, 0, 1),
    Tally(LAST, "refused", 2, 2_000, 20, 0, 0),
]


def test_days_without_questions_are_days_too() -> None:
    assert by_day(TALLIES, ROUTES, first=FIRST, last=LAST) == [
        (FIRST, [3, 1, 0]),
        (date(2026, 5, 5), [0, 0, 0]),
        (LAST, [0, 1, 2]),
    ]


def test_totals_add_up() -> None:
    together = total(TALLIES)
    assert together == Total(7, 6_300, 110, 2, 2)
    assert (together.tokens, together.judged, together.satisfaction) == (6_410, 4, 0.5)
    assert total([]) == Total()
    assert (total([]).satisfaction, total([]).tokens_each) == (None, 0.0)
    assert by_route(TALLIES, ROUTES)["rag"] == Total(2, 4_000, 60, 0, 1)


def test_saving_is_what_the_tuned_answers_would_have_taken_from_passages() -> None:
    saved = saving(by_route(TALLIES, ROUTES), PRICES)
    assert saved is not None
    assert saved.tokens == 3 * (2_000 + 30) - 330
    assert saved.dollars == pytest.approx((3 * 2_000 - 300) * 2e-6 + (3 * 30 - 30) * 1e-5)
    spent = cost(by_route(TALLIES, ROUTES).values(), PRICES)
    assert spent == pytest.approx(6_300 * 2e-6 + 110 * 1e-5)
    assert saved.share == pytest.approx(saved.dollars / (spent + saved.dollars))


def test_what_the_tuned_model_is_asked_in_vain_comes_off_its_saving() -> None:
    """40 of the 50 that were read asked the model before, as did one that was refused."""
    own = Tally(LAST, "tuned", 50, 3_500, 250, 0, 0)
    spared = Tally(LAST, "rag", 50, 10_000, 750, 0, 0)
    in_vain = spared._replace(
        prompt_tokens=10_000 + 40 * 70,
        completion_tokens=750 + 40 * 5,
        tuned_prompt_tokens=40 * 70,
        tuned_completion_tokens=40 * 5,
    )
    refused = Tally(LAST, "refused", 1, 70, 5, 0, 0, 70, 5)
    before = saving(by_route([own, spared], ROUTES), PRICES)
    after = saving(by_route([own, in_vain, refused], ROUTES), PRICES)
    assert before is not None
    assert after is not None
    assert before.tokens == 50 * 215 - 50 * 75
    assert after.tokens == before.tokens - 41 * 75
    assert before.dollars - after.dollars == pytest.approx(41 * (70 * 2e-6 + 5 * 1e-5))


@pytest.mark.parametrize("missing", ["tuned", "rag"])
def test_saving_needs_answers_of_both(missing: str) -> None:
    left = [tally for tally in TALLIES if tally.route != missing]
    assert saving(by_route(left, ROUTES), PRICES) is None


@given(st.integers(0, 10_000))
def test_percentile_is_the_least_value_that_so_many_do_not_exceed(answers: int) -> None:
    places = ranks(answers)
    assert len(places) == (2 if answers else 0)
    for share, place in zip((0.5, 0.95), places, strict=bool(places)):
        assert 1 <= place <= answers
        assert place / answers >= share > (place - 1) / answers
