"""Whether what the reader says is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.believing import (
    GUESSED,
    LEAST,
    LEAST_ALONE,
    UNLIKELY,
    doubt,
    may_be_worded_otherwise,
    probability,
)
from router.evidence.objections import ANOTHER_KIND
from router.prompts import Passage

ASKED = "How long does a call to Harbor Gate wait?"
PASSAGES = [
    Passage("Harbor Gate", "Use", "Peers hang up after 12 seconds. It was built in spring."),
    Passage("Harbor Gate", "More", "Ask in #gate. The gate opens at dawn."),
]
WAIT = (0, 0, len("Peers hang up after 12 seconds."))
CHANNEL = (1, 0, len("Ask in #gate."))
LIKELY = {(0, 0): 0.6, (0, 1): 0.01, (1, 0): 0.2, (1, 1): 0.2}
UNLIKELY_PLACE = {(0, 0): 0.02, (0, 1): 0.01, (1, 0): 0.02, (1, 1): 0.9}


@pytest.mark.parametrize(
    ("likely", "certainty", "why"),
    [
        (LIKELY, 0.9, ""),
        (LIKELY, 0.5, ""),
        (LIKELY, 0.05, GUESSED),
        (UNLIKELY_PLACE, 0.99, ""),
        (UNLIKELY_PLACE, 0.6, UNLIKELY),
        (UNLIKELY_PLACE, 0.4, GUESSED),
    ],
)
def test_an_answer_is_believed_by_how_sure_it_is_and_how_likely_its_sentence(
    likely: dict[tuple[int, int], float], certainty: float, why: str
) -> None:
    assert doubt(ASKED, PASSAGES, likely, WAIT, certainty) == why


def test_who_saw_nothing_else_is_believed_later() -> None:
    assert doubt(ASKED, PASSAGES, LIKELY, WAIT, 0.2) == ""
    assert doubt(ASKED, PASSAGES, LIKELY, WAIT, 0.2, least=LEAST_ALONE) == GUESSED
    assert doubt(ASKED, PASSAGES, LIKELY, WAIT, 0.5, least=LEAST_ALONE) == ""


def test_the_only_value_of_a_form_is_believed_sooner() -> None:
    for question, why in (("Which channel has Harbor Gate?", ""), ("Where is it?", UNLIKELY)):
        assert doubt(question, PASSAGES, UNLIKELY_PLACE, CHANNEL, 0.6) == why


@pytest.mark.parametrize(("factor", "why"), [(0.01, ANOTHER_KIND), (0.15, UNLIKELY), (3.0, "")])
def test_an_answer_of_a_form_that_is_seldom_asked_for_is_doubted(factor: float, why: str) -> None:
    assert doubt(ASKED, PASSAGES, LIKELY, WAIT, 0.6, factor) == why


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 20), st.booleans())
def test_each_ground_makes_an_answer_likelier(
    certainty: float, likelihood: float, factor: float, is_only: bool
) -> None:
    found = probability(certainty, likelihood, factor, is_only=is_only)
    more = min(certainty + 0.1, 1), min(likelihood + 0.1, 1), factor + 0.1
    assert 0 <= found <= 1
    assert found <= probability(*more, is_only=True)


def test_who_is_nearly_certain_of_the_likeliest_is_believed_and_who_guesses_is_not() -> None:
    assert probability(0.95, 0.9, 1.0, is_only=False) > LEAST
    assert probability(0.2, 0.01, 1.0, is_only=False) < LEAST


@pytest.mark.parametrize(
    ("likely", "certainty", "why"),
    [
        (LIKELY, None, ""),
        (UNLIKELY_PLACE, None, UNLIKELY),
        ({}, None, ""),
        ({}, 0.6, ""),
        ({}, 0.4, GUESSED),
    ],
    ids=str,
)
def test_where_less_is_known_an_answer_is_believed_unless_something_speaks_against_it(
    likely: dict[tuple[int, int], float], certainty: float | None, why: str
) -> None:
    assert doubt(ASKED, PASSAGES, likely, WAIT, certainty) == why


def test_only_a_reader_that_tells_how_sure_it_is_needs_no_word_of_the_question_anywhere() -> None:
    assert may_be_worded_otherwise(PASSAGES, LIKELY, 0.9) == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert may_be_worded_otherwise(PASSAGES, LIKELY, None) == {(0, 0)}
    assert may_be_worded_otherwise(PASSAGES, {}, 0.9) == set()
