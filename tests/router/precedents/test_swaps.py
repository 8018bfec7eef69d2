"""What is asked for by another name than anything that was found has is not told."""

from dataclasses import replace

import pytest

from router.precedents.facts import Near
from router.precedents.frames import Precedent, name_key
from router.precedents.swaps import asked_about_it, named_instead
from router.text import stem
from tests.router.precedents.test_frames import precedent

KNOWN = frozenset({name_key("night-bell"), name_key("dawn-horn")})
FOUND = frozenset(map(stem, ("salt", "limit", "boxes", "red", "cell", "alarm", "silver")))
SALT = precedent(
    "What is the daily salt limit of night-bell?", "9 grams", "Daily salt limit: 9 grams"
)
BOXES = precedent(
    "What is the upper alarm for red cell boxes in night-bell?", "10 °C", "Red cell boxes: 10 °C"
)


def told(question: str, *asked: Precedent) -> tuple[str, ...]:
    near: list[Near] = [(one, 0.8) for one in asked]
    return named_instead(asked_about_it(question, KNOWN, FOUND), near)


@pytest.mark.parametrize(
    ("question", "unnamed"),
    [
        ("What is the daily sugar limit of night-bell?", ("sugar",)),
        ("What is the daily sugar limit of dawn-horn?", ("sugar",)),
        ("What is the upper alarm for plasma boxes in night-bell?", ("plasma",)),
        # A passage has it, so it may be told there.
        ("What is the daily silver limit of night-bell?", ()),
        # The same in other words, shorter, or with a slip of the finger.
        ("What is the biggest salt limit of night-bell?", ()),
        ("What is the daily saltt limit of night-bell?", ()),
        ("What is the daily salt ceiling of night-bell?", ()),
        # More than one thing differs.
        ("Which daily sugar limit has night-bell?", ()),
        ("What is the daily salt limit of night-bell?", ()),
        ("", ()),
    ],
)
def test_word_that_stands_for_another_one_names_something_else(
    question: str, unnamed: tuple[str, ...]
) -> None:
    assert told(question, SALT, BOXES) == unnamed


def test_what_another_question_for_the_same_calls_so_is_the_same() -> None:
    halite = precedent("How much halite a day?", "9 grams", "Daily salt limit: 9 grams")
    salt, halite = (replace(one, fact=SALT.question) for one in (SALT, halite))
    asked = "What is the daily halite limit of night-bell?"
    assert told(asked, salt) == ("halite",)
    assert told(asked, salt, halite) == ()


def test_what_the_document_calls_otherwise_too_may_be_called_anything() -> None:
    sodium = precedent(SALT.question, "9 grams", "Sodium a day: 9 grams")
    assert told("What is the daily sugar limit of night-bell?", sodium) == ()


def test_who_does_it_is_asked_for_in_many_words() -> None:
    lead = precedent("Which team leads night-bell?", "Harbour", "Harbour leads night-bell.")
    assert told("Which team owns night-bell?", lead) == ()
