"""Which answers of a model an asker would be shown, beside what questions like it were answered."""

import pytest

from ingestion.models import Collection
from router.relevance import Relevance
from tests.documents import passage, publish
from tests.pairs import a_pair
from training import precedents
from training.checking import Borne, evidence_for, look_for, precedents_for
from training.models import QAPair

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "embedder")]

LISTENS, PROBED = "The crane listens on port 7000.", "It is probed on port 7001."
HELD_OUT = "Which port does the crane listen on?"
LIKE_IT = "On which port does the crane listen?"


def borne(said: str) -> Borne | None:
    found = look_for(HELD_OUT, None)
    findings = precedents_for(HELD_OUT, found, None)
    return evidence_for(said, found, None, Relevance(HELD_OUT), findings)


@pytest.mark.parametrize(
    ("asked", "said", "shown"),
    [
        ([HELD_OUT], "7001", True),
        ([HELD_OUT, LIKE_IT], "7001", False),
        ([HELD_OUT, LIKE_IT], "7000", True),
    ],
)
def test_answer_is_held_to_those_of_other_questions(
    wiki: Collection, asked: list[str], said: str, *, shown: bool
) -> None:
    text = passage(f"{LISTENS} {PROBED}", "Ports")
    version = publish(wiki, "crane.md", [text], title="The crane")
    approved = {"origin": QAPair.Origin.IMPORTED, "review": QAPair.Review.APPROVED}
    for question in asked:
        a_pair(version, question, "7000", evidence=LISTENS, **approved)
    precedents.refresh()
    found = borne(said)
    assert (found is not None) is shown
    # The only answer of a precedent is that of its question.
    assert found is None or found.by_precedent is (asked == [HELD_OUT, LIKE_IT])
