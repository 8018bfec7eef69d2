"""What fails behind the answers is written down, counted, and closed when it works again."""

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from django.db import connection
from django.db.models.functions import Length
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from docportal.pipeline import embed_served
from ingestion.models import Collection, DocumentVersion
from router import incidents, retrieval, services
from router.models import Answer, ChunkEmbedding, Incident
from router.retrieval.embeddings import EmbeddingsUnavailable
from tests.documents import passage, publish
from tests.router.retrieval.hashed_words import HashedWords, hashed_words
from tests.scripted_llm import Reply, ScriptedLLM

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

QUESTION = "How often does the webhook sender retry?"
DELIVERY = "A failed delivery of the webhook sender is retried 9 times. Then the event is parked."
READER = "docportal-reader"
EMBEDDER = "all-minilm-l6-v2"

Kind = Incident.Kind


@pytest.fixture(autouse=True)
def delivery(wiki: Collection) -> DocumentVersion:
    return publish(
        wiki, "webhook-sender.md", [passage(DELIVERY, "Delivery")], title="Webhook sender"
    )


def answered() -> Answer:
    return services.ask(QUESTION, user=None)


def incident() -> Incident:
    return Incident.objects.get(kind=Kind.MODEL_SERVER)


def open_now(kind: Kind = Kind.MODEL_SERVER) -> list[str]:
    return [one.subject for one in incidents.standing() if one.kind == kind]


# --- Opened, counted, closed ---------------------------------------------------------------------
def test_incident_counts_the_answers_and_ends_with_the_next_that_succeeds(
    llm: ScriptedLLM, settings: Settings
) -> None:
    llm.will_say(Reply((), status=500))
    answered()
    answered()
    assert len(llm.requests) == 1, "the breaker let a second one through"
    found = incident()
    assert (found.count, found.closed_at) == (2, None)
    assert found.first_at < found.last_at
    with_another_server(llm, settings)
    llm.will_say("9 times [1]")
    assert answered().text == "9 times"
    assert open_now() == []
    assert incident().closed_at is not None
    assert [one.subject for one in incidents.over()] == [READER]


def with_another_server(llm: ScriptedLLM, settings: Settings) -> None:
    """The same one by another address, so that its breaker is closed."""
    settings.LLM_URL = llm.url.replace("127.0.0.1", "localhost")


def test_what_fails_again_is_a_new_incident(llm: ScriptedLLM) -> None:
    incidents.report(Kind.MODEL_SERVER, READER, "first")
    incidents.settle(Kind.MODEL_SERVER, READER)
    incidents.report(Kind.MODEL_SERVER, READER, "second")
    assert [one.detail for one in Incident.objects.order_by("pk")] == ["first", "second"]
    assert open_now() == [READER]


def test_healthy_answers_ask_the_database_for_incidents_once(
    llm: ScriptedLLM, settings: Settings
) -> None:
    llm.will_say("9 times [1]")
    with hashed_words() as embedder:
        settings.EMBEDDINGS_URL = embedder.url
        answered()
        with CaptureQueriesContext(connection) as queries:
            answered()
    assert [one["sql"] for one in queries if "router_incident" in one["sql"]] == []


def test_incident_of_another_process_is_closed_at_the_next_look(llm: ScriptedLLM) -> None:
    incidents.settle(Kind.MODEL_SERVER, READER)
    Incident.objects.create(kind=Kind.MODEL_SERVER, subject=READER)
    incidents.settle(Kind.MODEL_SERVER, READER)
    assert open_now() == [READER]
    incidents.settle(Kind.MODEL_SERVER, READER, look_seconds=0)
    assert open_now() == []


def test_model_that_is_in_use_no_more_fails_nobody(settings: Settings) -> None:
    incidents.report(Kind.MODEL_SERVER, READER)
    settings.LLM_MODEL = "another"
    assert open_now() == []


def test_what_the_server_says_is_not_kept_for_admins(llm: ScriptedLLM) -> None:
    """It may repeat the prompt, which holds what only the asker may read."""
    error = json.dumps({"error": {"message": DELIVERY}})
    llm.will_say(Reply((), raw=f"data: {error}\n\n".encode()))
    answered()
    assert "9 times" not in incident().detail


# --- Search --------------------------------------------------------------------------------------
def test_absent_embedding_server_is_an_incident_until_it_answers(
    llm: ScriptedLLM, settings: Settings
) -> None:
    llm.will_say("9 times [1]")
    answer = answered()
    assert answer.text == "9 times"
    assert "only words were searched" in answer.reason
    assert open_now(Kind.EMBEDDING_SERVER) == [EMBEDDER]
    with hashed_words() as embedder:
        settings.EMBEDDINGS_URL = embedder.url
        assert answered().text == "9 times"
    assert open_now(Kind.EMBEDDING_SERVER) == []


@pytest.fixture
def embedder(settings: Settings, delivery: DocumentVersion) -> Iterator[HashedWords]:
    """The index is of its vectors."""
    with hashed_words() as server:
        settings.EMBEDDINGS_URL = server.url
        retrieval.index_version(delivery)
        retrieval.rebuild()
        yield server


def opened_by_another_process(settings: Settings, folder: Path) -> None:
    """The same files, which this process has not opened before."""
    copytree(settings.INDEX_DIR, folder)
    settings.INDEX_DIR = folder


OTHER_EMBEDDERS = pytest.mark.parametrize(
    ("setting", "value"), [("EMBEDDINGS_MODEL", "another"), ("EMBEDDINGS_DIMENSION", 96)]
)


@OTHER_EMBEDDERS
def test_index_of_another_embedding_model_is_an_incident_and_words_are_searched(
    embedder: HashedWords,
    llm: ScriptedLLM,
    settings: Settings,
    tmp_path: Path,
    setting: str,
    value: str | int,
) -> None:
    llm.will_say("9 times [1]")
    assert (answered().text, open_now(Kind.INDEX)) == ("9 times", [])
    setattr(settings, setting, value)
    opened_by_another_process(settings, tmp_path / "copy")
    assert answered().text == "9 times"
    assert open_now(Kind.INDEX) == [settings.EMBEDDINGS_MODEL]
    detail = Incident.objects.get(kind=Kind.INDEX).detail
    assert detail == f"It was made by {EMBEDDER}, 384 numbers each."


@OTHER_EMBEDDERS
def test_worker_takes_what_is_served_to_the_new_embedding_model(
    embedder: HashedWords,
    llm: ScriptedLLM,
    settings: Settings,
    tmp_path: Path,
    setting: str,
    value: str | int,
) -> None:
    setattr(settings, setting, value)
    embedder.dimension = settings.EMBEDDINGS_DIMENSION
    opened_by_another_process(settings, tmp_path / "copy")
    llm.will_say("9 times [1]")
    answered()
    assert open_now(Kind.INDEX) == [settings.EMBEDDINGS_MODEL]
    embed_served()
    assert open_now(Kind.INDEX) == []
    kept = ChunkEmbedding.objects.values_list("embedder", Length("vector"))
    assert set(kept) == {(settings.EMBEDDINGS_MODEL, 4 * settings.EMBEDDINGS_DIMENSION)}
    hit = retrieval.search(QUESTION, user=None).hits[0]
    assert hit.dense_rank == 1
    embedded = len(embedder.texts)
    embed_served()
    assert len(embedder.texts) == embedded, "it was embedded twice"


def test_without_an_embedding_server_the_worker_tries_again_later(settings: Settings) -> None:
    with pytest.raises(EmbeddingsUnavailable):
        embed_served()
