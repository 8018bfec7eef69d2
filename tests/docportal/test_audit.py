"""`audit`: what is printed, and how it ends."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from docportal.models import User
from router.models import Answer, Feedback, Query
from tests.people import People
from tests.router.retrieval.hashed_words import hashed_words
from training.tasks import audit_errors

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

NOBODY_LISTENS = "http://127.0.0.1:9/v1"


def thumbs_down(user: User, correction: str = "") -> None:
    query = Query.objects.create(user=user, text="Why?")
    times = dict.fromkeys(("retrieve_ms", "generate_ms", "verify_ms", "total_ms"), 1.0)
    answer = Answer.objects.create(
        query=query, route="rag", confidence=0.5, prompt_tokens=1, completion_tokens=1, **times
    )
    Feedback.objects.create(answer=answer, verdict="down", correction=correction)


def printed(*options: str) -> str:
    out = StringIO()
    call_command("audit", *options, stdout=out)
    return out.getvalue()


def test_buckets_and_advice_are_told_as_json_and_in_words(
    people: People, settings: Settings
) -> None:
    thumbs_down(people.engineer)
    with hashed_words() as server:
        settings.EMBEDDINGS_URL = server.url
        told = json.loads(printed("--json"))
        words = printed()
    assert told["unsorted"] == {"the asker gave no right answer": 1}
    assert {name: told[name] for name in ("retrieval", "ranking", "model")} == {
        "retrieval": 0,
        "ranking": 0,
        "model": 0,
    }
    assert told["advice"].startswith("Nothing can be advised yet: 0 errors could be sorted")
    assert "1  not sorted: the asker gave no right answer" in words
    assert words.endswith(f"{told['advice']}\n")


def test_audit_without_embeddings_says_what_to_do_and_the_worker_goes_on(
    people: People, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    thumbs_down(people.engineer, "Because.")
    settings.EMBEDDINGS_URL = NOBODY_LISTENS
    with pytest.raises(CommandError, match="Start it, then audit again") as caught:
        printed("--json")
    assert caught.value.returncode == 1
    audit_errors()
    assert "No audit: The embedding server does not answer" in caplog.text
