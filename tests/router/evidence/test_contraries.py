"""What is said of the least is no answer to what is asked of the most."""

import pytest

from router.evidence.contraries import are_contrary, sides_of
from router.prompts import Passage
from router.verification import verify

CREW = Passage("Ibex", "Crew", "On a day shift at least 12 people are on duty at Ibex.")
HEAT = Passage("Ibex", "Limits", "The lowest temperature for Ibex is -20 °C.")
ZONES = Passage("Emberline", "Zones", "In Emberline the ceiling of zone 2 is 236 °C.")
TYRES = Passage("Larkvan", "Money", "The annual budget of Larkvan is 900 EUR.")
TRIES = Passage("Ibex", "News", "The limit of tries of Ibex went down to 3 tries.")
BOTH = Passage("Ibex", "Crew", "At Ibex 12 people are on duty by day and 4 by night.")


@pytest.mark.parametrize(
    ("question", "answer", "page"),
    [
        ("How many people are on duty at Ibex by night?", "12 people", CREW),
        ("What is the highest temperature for Ibex?", "-20 °C", HEAT),
        ("What is the ceiling of zone 5 in Emberline?", "236 °C", ZONES),
        ("What is the weekly budget of Larkvan?", "900 EUR", TYRES),
    ],
)
def test_value_of_the_contrary_is_not_the_answer(question: str, answer: str, page: Passage) -> None:
    support = verify(question, answer, [page])
    assert not support.supported
    assert "contrary" in support.problem


@pytest.mark.parametrize(
    ("question", "answer", "page"),
    [
        ("How many people are on duty at Ibex by day?", "12 people", CREW),
        ("How many people are on duty at Ibex?", "12 people", CREW),
        ("How many people are on duty at Ibex by night?", "4", BOTH),
        ("How cold may it be for Ibex?", "-20 °C", HEAT),
        ("What is the ceiling of zone 2 in Emberline?", "236 °C", ZONES),
        ("What budget has Larkvan every year?", "900 EUR", TYRES),
        ("What is the highest number of tries of Ibex?", "3 tries", TRIES),
        ("Is the highest or the lowest temperature for Ibex -20 °C?", "-20 °C", HEAT),
    ],
)
def test_what_is_said_of_both_or_of_neither_may_be(
    question: str, answer: str, page: Passage
) -> None:
    assert "contrary" not in verify(question, answer, [page]).problem


@pytest.mark.parametrize("name", ["night-bell", "max_retries", "Winter-Gate"])
def test_a_part_of_a_name_speaks_of_no_side_but_one_of_a_setting_does(name: str) -> None:
    assert bool(sides_of(name.lower())) == ("_" in name)


def test_nobody_is_contrary_to_one_who_speaks_of_no_side() -> None:
    most, least = sides_of("the most"), sides_of("the least")
    assert are_contrary(most, least)
    assert are_contrary(least, most)
    assert not are_contrary(most, most | least)
    assert not are_contrary(frozenset(), least)
    assert not are_contrary(most, frozenset())
