"""What the passages found for a question tell of it."""

import pytest

from ingestion.models import Collection
from router import retrieval
from tests.documents import passage, publish
from tests.pairs import a_model
from training.benchmark.asking import look_up
from training.benchmark.questions import Question

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "embedder")]


@pytest.mark.parametrize("pairs", [0, 1])
def test_passage_is_covered_where_the_model_was_asked_about_it(
    wiki: Collection, pairs: int
) -> None:
    version = publish(wiki, "crane.md", [passage("The crane has the port 7000.")])
    retrieval.index_version(version)
    a_model([wiki], version.chunks.all()).coverage.update(pairs=pairs)
    question = Question(0, "a", "Which port has the crane?", ("7000",), "kept", None)
    found = look_up([question], None)[0]
    assert (found.covered, found.shown) == (pairs > 0, True)
