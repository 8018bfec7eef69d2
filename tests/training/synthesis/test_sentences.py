"""What sentences say, and of what: each kind of sentence as handbooks write them."""

import pytest

from training.synthesis.mined import MinedFrom
from training.synthesis.mining import mine

TITLE, PATH = "Kelp Lantern", "services/kelp_lantern.md"


def passage(text: str, *headings: str, kind: str = "prose") -> MinedFrom:
    return MinedFrom(TITLE, PATH, headings, kind, "", text)


def asked(text: str, *headings: str, kind: str = "prose") -> dict[str, tuple[str, ...]]:
    """Each answer → its questions."""
    return {fact.answer: fact.questions for fact in mine(passage(text, *headings, kind=kind))}


@pytest.mark.parametrize("heading", ["2. Parcels", "2) Parcels", "Parcels"])
def test_a_heading_of_one_word_makes_it_no_name_whatever_its_number(heading: str) -> None:
    questions = asked("Parcels are sorted in batches of 90 boxes.", heading)
    assert any("Kelp Lantern" in question for found in questions.values() for question in found)
    assert not any("of Parcels" in question for found in questions.values() for question in found)


@pytest.mark.parametrize(
    ("sentence", "answer", "question"),
    [
        (
            "A courier that has not rung within 9 minutes counts as lost.",
            "9 minutes",
            "a courier that has not rung within how long counts as lost",
        ),
        ("Doors that open for more than 40 seconds are shut.", "40 seconds", "that open for more"),
        ("A rider gets a card that is good for 15 weeks.", "15 weeks", "a card that is good for"),
        ("Lids are kept for 3 years, after which somebody burns them.", "3 years", "lids"),
        (
            "A guest has 11 days after the stay before the first letter is sent.",
            "11 days",
            "how long does a guest have after the stay before the first letter is sent",
        ),
        ("On-call must answer a bell within 7 minutes, because dough burns.", "7 minutes", "bell"),
        (
            "Heat above the mark for 20 minutes makes a batch bitter.",
            "20 minutes",
            "above the mark",
        ),
    ],
)
def test_a_noun_may_be_told_by_a_clause_and_another_thought_may_follow(
    sentence: str, answer: str, question: str
) -> None:
    assert any(question in found for found in asked(sentence)[answer])


@pytest.mark.parametrize(
    "sentence",
    [
        "After that the lid stays open for 30 minutes.",
        "The one above is kept for 30 days.",
        "The first is kept for 30 days.",
        "We send them back within 30 days.",
        "Any bent rim, any wheel that wobbles for 30 minutes, any rust.",  # has no verb of its own
        "In the north the same round belongs to Robin Vane.",  # no owner of the subject
    ],
)
def test_a_thought_that_leans_on_others_is_not_asked_for(sentence: str) -> None:
    assert asked(sentence) == {}
