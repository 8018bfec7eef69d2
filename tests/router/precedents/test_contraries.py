"""Questions about the same that ask for something else are no precedents."""

from dataclasses import replace

import pytest

from router.evidence.contraries import sides_of
from router.precedents.contraries import without_contraries
from router.precedents.frames import Precedent
from tests.router.precedents.test_frames import precedent

COLD = precedent("What is the lowest temperature for night-bell?", "-20 °C", "Limit: -20 °C")
LIMIT = precedent("Until which temperature does it ring?", "-20 °C", "Limit: -20 °C")
OIL = precedent("Which oil does night-bell take?", "Altivis 68", "Oil: Altivis 68")
CREW = precedent("How many people man night-bell?", "12 people", "Crew: 12 people")
LOAD = precedent("What load may night-bell take?", "900 people", "Load: 900 people an hour")


def left(question: str, *before: Precedent) -> list[Precedent]:
    near = [(one, 0.8) for one in before]
    return [one for one, _ in without_contraries(question, sides_of(question), near)]


@pytest.mark.parametrize(
    ("question", "before", "is_left"),
    [
        ("the highest temperature of it", COLD, False),
        ("the lowest temperature of it", COLD, True),
        ("the temperature of it", COLD, True),
        ("which oil is banned on it", OIL, False),
        ("which oil is taken on it", OIL, True),
        ("how many people can it carry per hour", CREW, False),
        ("how many people can it carry per hour", LOAD, True),
        ("how many people man it", CREW, True),
        ("how many times a day is it oiled", CREW, True),
    ],
)
def test_what_asks_for_something_else_is_left_out(
    question: str, before: Precedent, *, is_left: bool
) -> None:
    assert left(question, before) == [before] * is_left


def test_the_same_in_other_words_is_left_out_as_well() -> None:
    cold, limit = (replace(one, fact="how cold?") for one in (COLD, LIMIT))
    assert left("the highest temperature of it", LIMIT) == [LIMIT]
    assert left("the highest temperature of it", limit, cold, CREW) == [CREW]


def test_name_has_no_contrary() -> None:
    night = replace(
        COLD, question="What is the temperature of Night Bell?", names=frozenset({"nightbell"})
    )
    assert left("the temperature of it by day", night) == [night]
