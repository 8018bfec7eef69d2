"""Who asks while there is no room, or sends more than is taken, is turned away before anything is
done for them."""

import asyncio
import gc
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.context import BaseContext
from django.test import AsyncClient
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import resolve
from pytest_django import Settings

from docportal.admission import BUSY, answers
from docportal.asgi import application
from docportal.door import REPLIES
from ingestion.models import Collection
from router.models import Answer, Query
from tests.people import People

pytestmark = pytest.mark.django_db(transaction=True)

# It is not typed.
communicator: Any = ApplicationCommunicator

HTMX = {"HX-Request": "true"}
QUESTION = "How many <b>passengers</b>?"
OWN = {"content-type", "content-length", "retry-after", "x-request-id"}


@dataclass(frozen=True, slots=True)
class Told:
    status: int
    headers: dict[str, str]
    body: str


def begun(
    address: str, form: Mapping[str, str], headers: Mapping[str, str], method: str
) -> tuple[Any, bytes]:
    """As the web server calls the whole application, and the body that is still to be sent."""
    content = urlencode(form).encode()
    own = {"Host": "localhost", "Content-Type": "application/x-www-form-urlencoded"}
    sent = {**own, "Content-Length": str(len(content)), **headers}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": address,
        "raw_path": address.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    return communicator(application, scope), content


async def ask(
    address: str, form: Mapping[str, str], headers: Mapping[str, str] = HTMX, method: str = "POST"
) -> Told:
    exchange, content = begun(address, form, headers, method)
    await exchange.send_input({"type": "http.request", "body": content, "more_body": False})
    return await told_by(exchange)


async def told_by(exchange: Any) -> Told:
    start = await exchange.receive_output(60)
    body, more = b"", True
    while more:
        part = await exchange.receive_output(60)
        body, more = body + part.get("body", b""), part.get("more_body", False)
    await exchange.wait(60)
    said = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Told(start["status"], said, body.decode())


@pytest.fixture
def full() -> Iterator[None]:
    before, answers._most = answers._most, 0
    yield
    answers._most = before


@pytest.fixture
async def session(people: People) -> dict[str, str]:
    """The headers of a browser in which an engineer is logged in."""
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    token = "a" * 32
    cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={token}"
    return {**HTMX, "Cookie": cookies, "X-CSRFToken": token}


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("address", REPLIES)
async def test_it_takes_no_thread_without_which_there_is_no_query_and_says_when_to_come_again(
    address: str, session: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    returned = counted_returns(monkeypatch)
    told = await ask(address, {"q": QUESTION}, session)
    assert (told.status, told.headers["retry-after"]) == (429, "5")
    assert BUSY in told.body
    assert returned == []
    assert not await Query.objects.aexists()


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("address", REPLIES)
async def test_it_is_as_closed_to_other_sites_as_any_answer(address: str) -> None:
    turned_away = await ask(address, {"q": QUESTION}, {**HTMX, "X-Request-ID": "mine"})
    other = await ask("/healthz", {}, method="GET")
    for name in {"content-security-policy", "x-frame-options", "x-content-type-options"}:
        assert name in turned_away.headers
    passing = {"vary", "cache-control", "expires"}
    for name in other.headers.keys() - OWN - passing:
        assert turned_away.headers[name] == other.headers[name]
    assert turned_away.headers["x-request-id"] == "mine"


@pytest.mark.usefixtures("full")
async def test_page_shows_the_question_as_text() -> None:
    told = await ask("/ask/", {"q": QUESTION})
    assert "How many &lt;b&gt;passengers&lt;/b&gt;?" in told.body


@pytest.mark.usefixtures("full")
async def test_asking_again_goes_on_with_the_conversation(session: dict[str, str]) -> None:
    form = {"q": QUESTION, "conversation": "0198c0de-0000-7000-8000-000000000000"}
    told = await ask("/ask/", form, session)
    assert f'name="conversation" value="{form["conversation"]}"' in told.body
    assert "Ask again</button>" in told.body


@pytest.mark.usefixtures("full")
async def test_programs_are_told_in_the_words_of_their_protocol() -> None:
    rest = json.loads((await ask("/api/v1/ask", {})).body)
    assert rest == {"error": {"id": "busy", "message": BUSY}}
    openai = json.loads((await ask("/v1/chat/completions", {})).body)
    assert (openai["error"]["type"], openai["error"]["code"]) == ("rate_limit_error", "busy")


@pytest.mark.usefixtures("full")
async def test_without_scripts_it_is_a_whole_page(session: dict[str, str]) -> None:
    plain = {name: value for name, value in session.items() if name not in HTMX}
    told = await ask("/ask/", {"q": QUESTION}, plain)
    assert told.status == 429
    assert "</html>" in told.body


def test_its_addresses_are_those_of_questions() -> None:
    names = [resolve(address).view_name for address in REPLIES]
    assert names == ["ask_question", "api:ask", "openai:completions"]


async def test_the_place_at_the_door_is_that_of_the_question(session: dict[str, str]) -> None:
    before, answers._most = answers._most, answers._inside + len(answers._kept) + 1
    try:
        first, second = [await ask("/ask/", {"q": QUESTION}, session) for _ in range(2)]
    finally:
        answers._most = before
        answers._kept.clear()
    assert (first.status, second.status) == (200, 429)
    assert await Query.objects.acount() == 1


async def test_place_is_given_back_by_who_asks_nothing(session: dict[str, str]) -> None:
    before = answers._inside
    assert (await ask("/ask/", {"q": ""}, session)).status == 400
    assert (await ask("/ask/", {"q": QUESTION})).status == 403
    assert answers._inside == before


async def test_who_sends_slowly_has_no_place_meanwhile(session: dict[str, str]) -> None:
    before = answers._inside
    exchange, content = begun("/ask/", {"q": "x" * 3000}, session, "POST")
    await exchange.send_input({"type": "http.request", "body": content[:9], "more_body": True})
    assert await exchange.receive_nothing()
    assert answers._inside == before
    await exchange.send_input({"type": "http.request", "body": content[9:], "more_body": False})
    assert "3,000 characters" in (await told_by(exchange)).body


async def test_body_that_is_too_long_is_for_django_to_refuse(session: dict[str, str]) -> None:
    long = "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert (await ask("/ask/", {"q": long}, session)).status == 400


# --- More than is taken ---------------------------------------------------------------------------


async def told_of_much(address: str, headers: Mapping[str, str], *, length: int) -> Told:
    """What is said before all of it was sent."""
    exchange, _ = begun(address, {}, {**headers, "Content-Length": str(1 << 40)}, "POST")
    for _ in range(2):
        body = b"x" * (length // 2)
        await exchange.send_input({"type": "http.request", "body": body, "more_body": True})
    return await told_by(exchange)


@pytest.mark.parametrize("address", ["/healthz", "/accounts/login/", "/ask/", "/static/no.css"])
async def test_stranger_sends_no_more_than_a_form(address: str) -> None:
    told = await told_of_much(address, {}, length=settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 2)
    assert told.status == 413
    assert "at most 2 MB without a login or a token" in told.body
    assert told.headers["content-security-policy"]


async def test_who_is_logged_in_uploads_files_and_is_told_when_they_are_too_much_at_once(
    people: People, wiki: Collection, home: Path, settings: Settings
) -> None:
    settings.UPLOAD_MAX_BYTES = settings.UPLOAD_MAX_TOTAL_BYTES = most = 3 << 20
    client = AsyncClient()
    await client.aforce_login(people.writer)
    token = "a" * 32
    cookies = f"csrftoken={token}; sessionid={client.cookies['sessionid'].value}"
    headers = {**HTMX, "Cookie": cookies, "X-CSRFToken": token}
    files = {"collection": wiki.slug, "uploads": SimpleUploadedFile("a.md", b"x" * most)}
    content = encode_multipart(BOUNDARY, files)
    sent = {"Content-Type": MULTIPART_CONTENT, "Content-Length": str(len(content))}
    exchange, _ = begun("/docs/upload/", {}, {**headers, **sent}, "POST")
    await exchange.send_input({"type": "http.request", "body": content, "more_body": False})
    assert "1 new" in (await told_by(exchange)).body
    above = most + settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 2
    told = await told_of_much("/docs/upload/", headers, length=above)
    assert (told.status, told.headers["hx-retarget"]) == (413, "#notices")
    assert "more than the 3 MB that may be sent at once" in told.body
    assert "<html" not in told.body
    del headers["HX-Request"]
    assert "</html>" in (await told_of_much("/docs/upload/", headers, length=above)).body


async def test_program_that_sends_too_much_is_told_in_the_words_of_its_protocol(
    settings: Settings,
) -> None:
    settings.UPLOAD_MAX_TOTAL_BYTES = 0
    above = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 2
    headers = {"Authorization": "Bearer one"}
    rest = json.loads((await told_of_much("/api/v1/documents", headers, length=above)).body)
    assert rest["error"]["id"] == "too-large"
    openai = await told_of_much("/v1/chat/completions", headers, length=above)
    assert (openai.status, json.loads(openai.body)["error"]["code"]) == (413, "too-large")


async def test_request_comes_back_from_its_thread_a_few_times_only(
    session: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django asks each middleware that may be asynchronous by itself, and comes back 18 times."""
    assert (await ask("/questions/", {}, session, "GET")).status == 200
    returned = counted_returns(monkeypatch)
    await ask("/questions/", {}, session, "GET")
    assert len(returned) <= 8


@pytest.mark.parametrize("address", ["/questions/", "/docs/", "/api/v1/documents", "/healthz"])
async def test_nothing_of_an_answered_request_waits_for_the_collector(
    address: str, session: dict[str, str]
) -> None:
    assert (await ask(address, {}, session, "GET")).status == 200
    assert await left_by(address, {}, session, "GET") == []


@pytest.mark.usefixtures("home", "embedder")
async def test_nothing_of_a_streamed_answer_waits_for_the_collector(
    session: dict[str, str],
) -> None:
    assert await left_by("/ask/", {"q": QUESTION}, session) == []
    asked = await Query.objects.aget()
    assert await left_by(f"/questions/{asked.pk}/stream/", {}, session, "GET") == []
    assert await Answer.objects.filter(query=asked).aexists()


async def left_by(
    address: str, form: Mapping[str, str], headers: Mapping[str, str], method: str = "POST"
) -> list[type]:
    """What is there of a request that was answered, and of the pages made for it.

    What tests before it left is not counted; it is held meanwhile, so that nothing new is at its
    place in memory.
    """
    gc.collect()
    before = _of_requests()
    known = {id(one) for one in before}
    gc.disable()
    try:
        assert (await ask(address, form, headers, method)).status == 200
        return [type(one) for one in _of_requests() if id(one) not in known]
    finally:
        gc.enable()


def _of_requests() -> list[object]:
    kinds = (HttpRequest, HttpResponseBase, SessionBase, BaseContext)
    return [one for one in gc.get_objects() if issubclass(type(one), kinds)]


def counted_returns(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What threads have handed to the loop since."""
    loop = asyncio.get_running_loop()
    call, returned = loop.call_soon_threadsafe, list[object]()

    def counted(callback: Any, *args: Any, **more: Any) -> asyncio.Handle:
        returned.append(callback)
        return call(callback, *args, **more)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    return returned
