"""Pairs over HTTP: listed, written, reviewed."""

import pytest

from docportal.views.pair_filters import STATES
from ingestion.models import DocumentVersion
from tests.docportal.api.callers import Caller, error_of
from tests.documents import passage, publish
from tests.pairs import a_pair
from training.models import QAPair

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def test_pair_is_written_with_the_words_that_bear_it_out(
    writer: Caller, sender: DocumentVersion
) -> None:
    pair = {"document": sender.document.slug, "question": "How many retries?", "answer": "9 times"}
    response = writer.post("pairs", pair)
    assert response.status_code == 201
    told = response.json()
    assert told == told | pair | {"origin": "written", "review": "approved", "author": "writer"}
    assert "9 times" in told["evidence"]
    assert error_of(writer.post("pairs", pair)) == (400, "duplicate-pair")
    assert error_of(writer.post("pairs", pair | {"answer": "8 times"})) == (400, "no-evidence")


def test_pairs_are_listed_by_state(writer: Caller, sender: DocumentVersion) -> None:
    pair = a_pair(sender, "How many?", "9 times")
    (item,) = writer.get("pairs").json()["items"]
    assert item == item | {"id": pair.pk, "review": "pending", "document": sender.document.slug}
    assert writer.get("pairs", state="approved").json()["items"] == []
    assert writer.get("pairs", text="sideways").json()["items"] == []
    for state, _ in STATES:
        assert writer.get("pairs", state=state).status_code == 200
    # As the pair itself has it in `review`: not quietly another list.
    wrong = writer.get("pairs", state="pending")
    assert error_of(wrong) == (400, "bad-request")
    assert "'waiting'" in wrong.json()["error"]["message"]


def test_list_goes_on_behind_a_pair_that_was_decided_meanwhile(
    writer: Caller, sender: DocumentVersion
) -> None:
    """A program takes a page, decides, and asks for the next."""
    pairs = [a_pair(sender, f"How many {what}?", "9 times") for what in ("a", "b", "c")]
    first = writer.get("pairs", limit=2).json()
    assert [item["id"] for item in first["items"]] == [pair.pk for pair in pairs[:2]]
    writer.post(f"pairs/{pairs[1].pk}/review", {"verdict": "reject"})
    rest = writer.get("pairs", limit=2, after=first["next"]).json()
    assert [item["id"] for item in rest["items"]] == [pairs[2].pk]


@pytest.mark.parametrize(("verdict", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_pair_is_decided(writer: Caller, sender: DocumentVersion, verdict: str, state: str) -> None:
    pair = a_pair(sender, "How many?", "9 times")
    told = writer.post(f"pairs/{pair.pk}/review", {"verdict": verdict}).json()
    assert (told["review"], told["reviewed_by"]) == (state, "writer")


def test_pair_is_edited_and_so_approved(writer: Caller, sender: DocumentVersion) -> None:
    pair = a_pair(sender, "How many?", "9 times")
    edit = {"verdict": "edit", "question": "How many retries are there?"}
    told = writer.post(f"pairs/{pair.pk}/review", edit).json()
    assert told == told | {
        "question": "How many retries are there?",
        "answer": "9 times",
        "review": "approved",
    }


def test_retired_pair_is_not_approved(writer: Caller, sender: DocumentVersion) -> None:
    pair, document = a_pair(sender, "How many?", "9 times"), sender.document
    publish(document.collection, document.path, [passage("It retries for ever.")])
    refused = writer.post(f"pairs/{pair.pk}/review", {"verdict": "approve"})
    assert error_of(refused) == (400, "not-approved")
    assert "no longer says this" in refused.json()["error"]["message"]


def test_pair_that_cannot_be_approved_says_why(writer: Caller, sender: DocumentVersion) -> None:
    pair = a_pair(sender, "How many?", "9 times")
    QAPair.objects.update(content_hash="", start=None, end=None)
    refused = writer.post(f"pairs/{pair.pk}/review", {"verdict": "approve"})
    assert error_of(refused) == (400, "not-approved")
    assert "evidence" in refused.json()["error"]["message"]
    assert error_of(writer.post(f"pairs/{pair.pk}/review", {"verdict": "maybe"}))[0] == 400
