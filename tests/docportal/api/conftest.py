import pytest
from pytest_django import Settings

from docportal.admission import requests
from ingestion.models import Collection, DocumentVersion
from tests.docportal.api.callers import Caller
from tests.documents import passage, publish
from tests.people import People
from tests.scripted_llm import ScriptedLLM

QUESTION = "How often does the webhook sender retry?"
SENTENCE = "The webhook sender retries 9 times."


@pytest.fixture
def llm(llm: ScriptedLLM) -> ScriptedLLM:
    llm.will_say(f"{SENTENCE} [1]")
    return llm


@pytest.fixture(autouse=True)
def no_embeddings(settings: Settings) -> None:
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """Keys of one test are those of the next."""
    requests._until.clear()


@pytest.fixture
def engineer(people: People) -> Caller:
    return Caller(people.engineer)


@pytest.fixture
def writer(people: People) -> Caller:
    return Caller(people.writer)


@pytest.fixture
def sender(home: object, wiki: Collection) -> DocumentVersion:
    text = f"It sends events. {SENTENCE} Then it parks them."
    return publish(wiki, "ops/webhooks.md", [passage(text, "Delivery")], title="Webhook sender")
