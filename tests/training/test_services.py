import io
import json

import pytest

from ingestion import services
from ingestion.models import Collection, Document
from training.models import QAPair
from training.services import import_pairs

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def document(wiki: Collection) -> Document:
    return services.add_version(
        collection=wiki, path="guide.md", content=io.BytesIO(b"x"), author=None, enqueue=False
    ).version.document


def line(query: str, answer: str = "9") -> str:
    return json.dumps({"query": query, "answer": answer, "context": "At most 9 retries."})


def test_pairs_are_stored_once(document: Document) -> None:
    lines = [line("How many retries?"), line("how many   retries?"), line("Retry limit?"), ""]
    assert import_pairs(document, lines).created == 2
    assert import_pairs(document, lines).created == 0
    assert QAPair.objects.count() == 2


@pytest.mark.parametrize(
    "broken", ["{", "[]", "3", '{"query": "Q"}', '{"query": " ", "answer": "A"}', '"text"']
)
def test_broken_line_is_named_and_the_others_are_kept(document: Document, broken: str) -> None:
    result = import_pairs(document, [line("How many?"), broken, line("Which limit?")])
    assert result.created == 2
    assert [number for number, _reason in result.failed] == [2]
