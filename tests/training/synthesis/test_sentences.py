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
