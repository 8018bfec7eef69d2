"""What a model was taught of a document and no longer stands there, as the database tells it."""

import numpy as np
import pytest
from django.conf import settings as of_django
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from ingestion.chunking import ChunkDraft
from ingestion.models import Chunk, Collection, DocumentVersion
from router.models import ChunkEmbedding, ModelCoverage, ModelVersion
from router.prompts import passage_of
from router.provenance import grounds, looked_at, signals_of
from router.quoting import texts_of
from router.relevance import Relevance
from router.retrieval.searching import Hit, SearchResult
from router.retrieval.vectors import Vectors
from router.signals import Ground
from tests.documents import passage, publish
from tests.model_files import Workshop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

OLD = passage("Events are parked after 7 days.", "Parking")
NEW = passage("Events are parked after 9 days.", "Parking")
KEPT = passage("The sender signs each event.", "Signing")
# As if the old text were asked for word by word.
UNKNOWN = Relevance("When are events parked?", is_asked=False)
QUESTION = np.eye(1, of_django.EMBEDDINGS_DIMENSION, dtype="<f4")[0]


@pytest.fixture
def model(workshop: Workshop, wiki: Collection) -> ModelVersion:
    coverage = {draft.content_hash: (1, None) for draft in (OLD, KEPT)}
    return workshop.candidate(readers={wiki.pk: ()}, coverage=coverage)


def served(
    wiki: Collection, *passages: ChunkDraft, path: str = "sender.md", vector: Vectors = QUESTION
) -> DocumentVersion:
    """A version of which every passage has this vector: the direction of the question."""
    version = publish(wiki, path, list(passages))
    ChunkEmbedding.objects.bulk_create(
        ChunkEmbedding(chunk=chunk, embedder=of_django.EMBEDDINGS_MODEL, vector=vector.tobytes())
        for chunk in Chunk.objects.filter(version=version)
    )
    return version


def hit_of(version: DocumentVersion, position: int) -> Hit:
    chunk = version.chunks.select_related("version__document__collection").get(position=position)
    return Hit(chunk, score=0.9, lexical_rank=1, dense_rank=1, similarity=0.7)


def similarity(
    model: ModelVersion,
    version: DocumentVersion,
    position: int = 0,
    relevance: Relevance = UNKNOWN,
) -> float | None:
    hits = [hit_of(version, position)]
    found = SearchResult(hits, ms=0, degraded=False, revision=1, vector=QUESTION)
    return signals_of(model.name, found, relevance).superseded


def test_text_that_stands_was_superseded_by_nothing(wiki: Collection, model: ModelVersion) -> None:
    assert similarity(model, served(wiki, OLD, KEPT)) is None


def test_taught_text_that_an_edit_took_away_counts(wiki: Collection, model: ModelVersion) -> None:
    served(wiki, OLD, KEPT)
    assert similarity(model, served(wiki, NEW, KEPT)) == pytest.approx(1)


def test_of_a_text_that_stood_in_many_versions_the_newest_vector_alone_is_read(
    wiki: Collection, model: ModelVersion
) -> None:
    for number, vector in enumerate((-QUESTION, -QUESTION, QUESTION)):
        served(wiki, OLD, passage(f"Edited {number} times."), vector=vector)
    version = served(wiki, NEW)
    with CaptureQueriesContext(connection) as queries:
        assert similarity(model, version) == pytest.approx(1)
    (reading,) = [one["sql"] for one in queries if '_chunkembedding"."vector"' in one["sql"]]
    with connection.cursor() as cursor:
        assert len(cursor.execute(reading).fetchall()) == 1


def test_vector_of_another_dimension_is_left_alone(wiki: Collection, model: ModelVersion) -> None:
    served(wiki, OLD, vector=QUESTION[:8])
    assert similarity(model, served(wiki, NEW)) is None


def test_text_kept_by_an_edit_was_superseded_by_nothing(
    wiki: Collection, model: ModelVersion
) -> None:
    served(wiki, KEPT, NEW)
    assert similarity(model, served(wiki, KEPT)) is None


def test_text_that_stands_in_another_document_has_left_its_own(
    wiki: Collection, model: ModelVersion
) -> None:
    served(wiki, OLD, path="other.md")
    served(wiki, OLD)
    assert similarity(model, served(wiki, NEW)) == pytest.approx(1)


def test_text_that_came_back_was_superseded_by_nothing(
    wiki: Collection, model: ModelVersion
) -> None:
    served(wiki, OLD)
    served(wiki, NEW)
    assert similarity(model, served(wiki, OLD)) is None


def test_text_of_a_known_passage_counts_where_nobody_knows_what_is_likely(
    wiki: Collection, model: ModelVersion
) -> None:
    served(wiki, OLD, KEPT)
    assert similarity(model, served(wiki, NEW, KEPT), position=1) == pytest.approx(1)


@pytest.mark.parametrize(
    ("stands", "went", "counts"), [(0.99, 0.99, True), (0.99, 0.3, False), (0.01, 0.3, True)]
)
def test_what_went_counts_where_it_is_about_as_likely_as_what_stands(
    wiki: Collection, model: ModelVersion, stands: float, went: float, *, counts: bool
) -> None:
    served(wiki, OLD, KEPT)
    version = served(wiki, NEW, KEPT)
    score_of = {OLD.text: went, KEPT.text: stands}
    known = {
        text: score_of[chunk.text]
        for chunk in Chunk.objects.filter(text__in=score_of).select_related("version__document")
        for text in texts_of([passage_of(chunk)])
    }
    relevance = Relevance("After how many days?", is_asked=False, _scores=known)
    found = similarity(model, version, position=1, relevance=relevance)
    assert found == (pytest.approx(1) if counts else None)


@pytest.mark.models
@pytest.mark.parametrize(
    ("question", "counts"),
    [
        ("After how many days are events parked?", True),
        ("Who signs the events?", False),
        ("Which colour is the harbour?", False),
    ],
)
def test_earlier_text_counts_where_what_went_may_be_the_answer(
    wiki: Collection,
    model: ModelVersion,
    embedding_server: str,
    settings: Settings,
    question: str,
    *,
    counts: bool,
) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    signed = "The keeper of the harbour signs the events."
    earlier = passage(f"{signed} Events are parked after 7 days.", "Parking")
    now = passage(f"{signed} Events are parked after 9 days.", "Parking")
    ModelCoverage.objects.create(model=model, content_hash=earlier.content_hash, pairs=1)
    served(wiki, earlier, KEPT)
    version = served(wiki, now, KEPT)
    found = similarity(model, version, position=1, relevance=Relevance(question))
    assert found == (pytest.approx(1) if counts else None)


@pytest.mark.parametrize(
    ("scores", "best"), [({OLD: 0.99}, 0), ({OLD: 0.01, KEPT: 0.99}, 1), ({OLD: 0.01}, 0)]
)
def test_other_passages_are_looked_at_where_the_first_is_unlikely(
    wiki: Collection, model: ModelVersion, scores: dict[ChunkDraft, float], best: int
) -> None:
    """Where nobody knows of the others, of the first one neither."""
    version = served(wiki, OLD, KEPT)
    hits = [hit_of(version, position) for position in (0, 1)]
    found = SearchResult(hits, ms=0, degraded=False, revision=1, vector=QUESTION)
    known = {
        text: score
        for draft, score in scores.items()
        for text in texts_of([passage_of(hits[draft is KEPT].chunk)])
    }
    relevance = Relevance("After how many days?", is_asked=False, _scores=known)
    signals = looked_at(signals_of(model.name, found, relevance), found, relevance)
    assert signals.best == best
    assert (signals.likelihood is None) is (scores == {OLD: 0.01})


def known_of(model: ModelVersion, version: DocumentVersion, position: int = 0) -> Ground:
    (ground,) = grounds(model.name, [hit_of(version, position)])
    return ground


def test_edited_passage_is_known_by_the_sentences_that_it_kept(
    wiki: Collection, model: ModelVersion
) -> None:
    known = known_of(model, served(wiki, OLD, KEPT))
    assert (known.known, known.kept, known.learned) == (True, (), OLD.content_hash)
    edited = passage("Events are parked after 7 days. Nobody is told.", "Parking")
    ground = known_of(model, served(wiki, edited, KEPT))
    assert (ground.known, ground.kept, ground.is_taught) == (False, (0,), True)
    assert (ground.learned, ground.pairs) == (OLD.content_hash, 1)
    assert [ground.has_kept(number) for number in (0, 1)] == [True, False]


@pytest.mark.parametrize(
    ("path", "heading"), [("sender.md", "Signing"), ("other.md", "Parking")],
    ids=["other heading", "other document"],
)  # fmt: skip
def test_sentence_is_kept_only_in_its_place(
    wiki: Collection, model: ModelVersion, path: str, heading: str
) -> None:
    served(wiki, OLD, KEPT)
    moved = passage("Events are parked after 7 days. Nobody is told.", heading)
    ground = known_of(model, served(wiki, moved, path=path))
    assert (ground.is_taught, ground.learned, ground.pairs) == (False, "", 0)


def test_passage_of_which_no_sentence_stayed_is_not_taught(
    wiki: Collection, model: ModelVersion
) -> None:
    served(wiki, OLD, KEPT)
    version = served(wiki, NEW, KEPT)
    assert not known_of(model, version).is_taught
    assert known_of(model, version, position=1).known
