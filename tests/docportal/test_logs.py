"""Logs: one JSON object a line, with the ids of request and job, and never a question."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from celery.signals import before_task_publish
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from docportal import logs
from docportal.logs import JsonLines, RequestIdMiddleware
from ingestion.models import Collection
from router import services
from tests.documents import passage, publish, upload
from tests.people import People
from tests.scripted_llm import Reply, scripted_llm

QUESTION = "How many zebras does the aviary lodge?"
SAID = "The aviary lodges 17 zebras."

Lines = list[dict[str, Any]]


class Written:
    """What went through the root logger, as JSON lines."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self, logger: str = "") -> Lines:
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if line["logger"].startswith(logger)]


@pytest.fixture
def written() -> Iterator[Written]:
    """At the most talkative level."""
    root, to = logging.getLogger(), Written()
    handler, level = logging.StreamHandler(to.stream), root.level
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield to
    root.setLevel(level)
    root.removeHandler(handler)


# --- The lines ----------------------------------------------------------------------------------
def test_record_is_one_object_on_one_line(written: Written) -> None:
    try:
        int("two\nlines")
    except ValueError:
        logging.getLogger("place").exception("It\nfailed: %s", "ü", extra={"fields": {"ms": 3}})
    (line,) = written.lines("place")
    assert line["message"] == "It\nfailed: ü"
    assert (line["level"], line["logger"], line["ms"]) == ("ERROR", "place", 3)
    assert line["time"].endswith("+00:00")
    assert "ValueError: invalid literal" in line["exception"]
    assert "request" not in line
    assert "job" not in line


@pytest.mark.parametrize("form", ["text", "json", "unknown"])
def test_setting_chooses_the_form(form: str) -> None:
    code = "import django, logging; django.setup(); logging.getLogger('x').warning('said')"
    code += "; logging.getLogger('uvicorn.access').info('GET /?q=secret')"
    code += "; logging.getLogger('uvicorn.error').warning('server')"
    environment = {"DJANGO_SETTINGS_MODULE": "docportal.settings", "LOG_FORMAT": form}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment, "LOG_LEVEL": "DEBUG"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in ended.stderr.splitlines() if "said" in line or "server" in line]
    assert len(lines) == 2
    if form == "json":
        assert [json.loads(line)["message"] for line in lines] == ["said", "server"]
    else:
        assert lines[0].endswith("WARNING x said")
    assert "secret" not in ended.stderr


# --- Requests -----------------------------------------------------------------------------------
@pytest.mark.parametrize("given", ["b7c1-9", "A.b_c", "x" * 64])
def test_well_formed_id_is_taken_and_returned(given: str, written: Written) -> None:
    response = Client().get("/healthz", headers={"X-Request-ID": given})
    assert response["X-Request-ID"] == given
    (line,) = written.lines("docportal.requests")
    assert line["request"] == given
    assert (line["method"], line["view"], line["status"]) == ("GET", "healthz", 200)
    assert line["ms"] >= 0


@pytest.mark.parametrize("given", ["", " ", "x" * 65, "a b", 'a"b', "a\nb", "ü"])
def test_other_id_is_replaced(given: str) -> None:
    made = Client().get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"]
    assert len(made) == 32
    assert made != Client().get("/healthz")["X-Request-ID"]


def test_address_that_there_is_not_has_an_id_too(written: Written) -> None:
    response = Client().get("/healthz/zebras")
    assert response["X-Request-ID"]
    (line,) = written.lines("docportal.requests")
    assert line["status"] in (302, 404)


def test_lines_outside_a_request_have_no_id(written: Written) -> None:
    Client().get("/healthz", headers={"X-Request-ID": "mine"})
    logging.getLogger("place").warning("Later.")
    assert "request" not in written.lines("place")[0]


async def test_asynchronous_request_has_an_id_also_while_it_streams(written: Written) -> None:
    async def parts() -> Any:
        logging.getLogger("place").warning("Written while streaming.")
        yield b"part"

    async def view(_request: object) -> StreamingHttpResponse:
        return StreamingHttpResponse(parts())

    request = RequestFactory().get("/", headers={"X-Request-ID": "streamed"})
    handled: Any = RequestIdMiddleware(view)(request)
    response = await handled
    assert [part async for part in response] == [b"part"]
    assert response["X-Request-ID"] == "streamed"
    assert written.lines("place")[0]["request"] == "streamed"


async def test_the_whole_chain_is_asynchronous_too() -> None:
    response = await AsyncClient().get("/healthz", headers={"X-Request-ID": "chain"})
    assert response["X-Request-ID"] == "chain"


# --- Jobs ---------------------------------------------------------------------------------------
def test_job_bears_its_id_and_that_of_the_request_that_asked_for_it(written: Written) -> None:
    task = SimpleNamespace(name="a.task", request={"docportal_request": "asked"})
    logs.begin_job(task_id="job-1", task=task)
    logging.getLogger("place").warning("Working.")
    logs.end_job(task=task, state="SUCCESS")
    logging.getLogger("place").warning("Idle.")
    working, idle = written.lines("place")
    assert (working["job"], working["request"]) == ("job-1", "asked")
    assert "job" not in idle
    assert "request" not in idle
    begun, ended = written.lines("docportal.jobs")
    assert begun["task"] == ended["task"] == "a.task"
    assert ended["state"] == "SUCCESS"


def test_message_of_a_job_tells_which_request_asked_for_it() -> None:
    sent: list[dict[str, Any]] = []

    def note(headers: dict[str, Any], **_: object) -> None:
        sent.append(headers)

    before_task_publish.connect(note)
    token = logs.request_id.set("asked")
    current_app.send_task("a.task.that.is.not", queue="nobody-reads")
    logs.request_id.reset(token)
    current_app.send_task("a.task.that.is.not", queue="nobody-reads")
    before_task_publish.disconnect(note)
    assert [one.get("docportal_request") for one in sent] == ["asked", None]


# --- What is never in them ----------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("broken", [False, True], ids=["answered", "server breaks off"])
def test_no_line_holds_a_question_a_passage_or_a_title(
    *,
    broken: bool,
    people: People,
    wiki: Collection,
    settings: Settings,
    written: Written,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    # As with DEBUG, when every statement is logged with its values.
    monkeypatch.setattr(connection, "force_debug_cursor", True)
    publish(wiki, "aviary.md", [passage(SAID)], title="Aviary of zebras")
    client = Client()
    client.force_login(people.engineer)
    with scripted_llm() as llm:
        settings.LLM_URL = llm.url
        llm.will_say(Reply((f"{SAID} [1]",), status=500 if broken else 200))
        client.get("/", {"q": QUESTION})
        client.post("/ask/", {"q": QUESTION})
        answer = services.ask(QUESTION, user=people.engineer)
        client.get(reverse("question", args=[answer.query_id]))
    client.get("/docs/", {"text": "zebras"})
    upload(wiki, "zebras.md", SAID)
    assert written.lines("docportal.requests")
    for trace in ("zebra", "aviary", "lodge"):
        assert trace not in written.text.lower(), trace
