"""Every door with what nobody would send: none breaks, none tells what it must not."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode
from pytest_django import Settings

from docportal.admission import requests
from ingestion.models import Collection
from tests.docportal.api.callers import Caller
from tests.documents import passage, publish
from tests.pairs import a_pair
from tests.people import People
from tests.security.pages import live
from tests.security.payloads import EVIL, SECRET
from training.models import QAPair

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("home"),
    pytest.mark.any_database,
]

STRANGE = {
    "characters": "a\0b \ud83d \u202e \ufffe \x1b[31m \u2028 x\r\nSet-Cookie: a=1 %_\\",
    "markup": f"//{EVIL}/../%2e%2e/ ' OR '1'='1' -- \"'></title><script>alert(1)</script>",
    "a huge number": "9" * 5000,
    "a large number": "9" * 20,
    "many words": "obey " * 390,
    "a long word": "obey" * 15_000,
}
FIELDS = {
    "ask": ["q"],
    "history": ["after"],
    "library": ["text", "collection", "type", "state", "sort", "after"],
    "library_events": ["watch"],
    "pairs": ["text", "collection", "document", "origin", "state", "view", "after"],
    "insights": ["days"],
    "insights_points": ["days"],
    "training": ["runs", "models"],
    "errors": ["bucket", "collection", "after"],
    "run_events": ["watch"],
    "benchmark": ["run"],
    "audit_log": ["who", "verb", "text", "from", "to", "after"],
    "account_login": ["next"],
    "document": ["mark", "facts", "versions"],
    "difference": ["from", "to", "view"],
    "version": ["mark", "facts", "versions"],
}
REST = {
    "search": ["q", "collection", "limit"],
    "documents": ["collection", "text", "state", "after", "limit"],
    "collections": ["after", "limit"],
    "pairs": ["state", "collection", "document", "origin", "text", "after"],
    "benchmarks": ["after"],
    "runs": ["after"],
    "models": ["after"],
}
PLACES = (
    *("/docs/{}/", "/docs/{}/difference/", "/docs/{}/versions/1/", "/docs/{}/versions/1/original/"),
    *("/docs/collections/{}/", "/training/models/{}/promote/", "/questions/{}/", "/pairs/{}/"),
    *("/training/runs/{}/", "/api/v1/documents/{}", "/api/v1/documents/{}/versions/1/text"),
    *("/api/v1/collections/{}", "/api/v1/answers/{}", "/api/v1/runs/{}", "/api/v1/benchmarks/{}"),
    *("/api/v1/{}", "/v1/{}", "/static/{}", "/{}"),
)


@pytest.fixture(autouse=True)
def place(settings: Settings, people: People, wiki: Collection, vault: Collection) -> str:
    settings.LLM_URL = settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    settings.API_RATE = 0
    requests._until.clear()
    a_pair(publish(vault, "codes.md", [passage(SECRET)], title="Zebra"), "Which code?", "47110815")
    version = publish(wiki, "sender.md", [passage("It is retried 9 times.")], title="Sender")
    a_pair(version, "How often?", "9 times")
    return version.document.slug


def quoted(text: str) -> str:
    return urlencode({"": text.encode(errors="replace")})[1:].replace("+", "%20")


def body(response: Any) -> str:
    """Empty for a stream, which a request that is not asynchronous does not read."""
    if not response.streaming:
        told = response.content
    else:
        told = b"" if response.is_async else b"".join(response)
    return str(told, errors="replace")


def wrong(response: Any, address: str) -> str:
    """What is wrong with the response, empty if nothing."""
    told = body(response)
    if response.status_code >= 500:
        return f"{response.status_code}"
    if SECRET in told or "Zebra" in told:
        return "it tells the secret"
    is_page = response["Content-Type"].startswith("text/html") and "/api/v1/docs" not in address
    return ", ".join(live(told)) if is_page else ""


def check(client: Client, addresses: Iterable[str]) -> None:
    found = {one[:200]: problem for one in addresses if (problem := wrong(client.get(one), one))}
    assert found == {}


def fields_of(slug: str) -> Iterator[str]:
    """Every field of every page and list, to be given a value."""
    arguments: dict[str, list[Any]] = {
        "document": [slug],
        "difference": [slug],
        "version": [slug, 1],
    }
    for name, fields in FIELDS.items():
        page = reverse(name, args=arguments.get(name, []))
        yield from (f"{page}?{field}=" for field in fields)
    for name, fields in REST.items():
        yield from (f"/api/v1/{name}?{field}=" for field in fields)


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
def test_strange_values_break_nothing_and_tell_nothing(
    people: People, place: str, value: str
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(people.admin)
    check(client, (field + quoted(value) for field in fields_of(place)))


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
def test_strange_names_are_not_there(people: People, value: str) -> None:
    client = Client(raise_request_exception=False, headers=Caller(people.admin).headers)
    client.force_login(people.admin)
    check(client, (template.format(quoted(value)) for template in PLACES))


# --- Sent -----------------------------------------------------------------------------------------

FORMS = {
    "ask_question": ["q", "conversation"],
    "collections": ["name", "readers", "policy", "default_doc_type"],
    "edit_document": ["doc_type"],
    "write_pair": ["question", "answer", "evidence"],
    "review_pair": ["verdict", "question", "answer", "evidence", "back", "last"],
    "review_pairs": ["verdict", "pair", "text", "collection"],
    "upload": ["collection", "note", "paths"],
    "new_run": ["collections", "mode", "minutes"],
    "retrain_policy": ["every_hours", "least_new_facts", "least_stale_percent"],
    "tokens": ["name", "scopes", "days"],
    "let_in": ["name"],
    "webhooks": ["url", "events", "collections"],
    "theme": ["theme", "next"],
    "account_login": ["login", "password", "next"],
}
BODIES: dict[str, dict[str, Any]] = {
    "ask": {"question": None, "conversation": None, "route": None},
    "pairs": {"document": None, "question": "What?", "answer": "nine", "evidence": None},
    "runs": {"collections": [None], "mode": None},
    "documents/{}/archive": {},
    "models/{}/promote": {"reason": None},
}


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
def test_strange_forms_break_nothing_and_tell_nothing(
    people: People, place: str, value: str
) -> None:
    people.admin.groups.add(*people.writer.groups.all())
    client = Client(raise_request_exception=False)
    client.force_login(people.admin)
    pair = QAPair.objects.get(document__slug=place).pk
    at: dict[str, list[Any]] = {
        "edit_document": [place],
        "write_pair": [place],
        "review_pair": [pair],
    }
    found = {}
    for name, fields in FORMS.items():
        sent = urlencode({field: value.encode(errors="replace") for field in fields})
        address = reverse(name, args=at.get(name, []))
        kind = "application/x-www-form-urlencoded"
        found[name] = wrong(client.post(address, sent, content_type=kind), address)
    assert {name: problem for name, problem in found.items() if problem} == {}


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
def test_strange_bodies_break_nothing_and_tell_nothing(people: People, value: str) -> None:
    client = Client(raise_request_exception=False, headers=Caller(people.admin).headers)
    found = {}
    for template, body in BODIES.items():
        sent = json.dumps(body).replace("null", json.dumps(value))
        address = f"/api/v1/{template.format(quoted(value))}"
        response = client.post(address, sent, content_type="application/json")
        found[template] = wrong(response, address)
    for name, argument in (("search", "query"), ("search", "collection"), ("ask", "question")):
        found[f"{name} {argument}"] = wrong(
            _tool(client, name, {"query": "x", argument: value}), ""
        )
    for argument in ("document", "version"):
        found[argument] = wrong(_tool(client, "read_document", {argument: value}), "")
    completion = {"model": value, "messages": [{"role": "user", "content": value}]}
    for model in (value, "docportal"):
        sent = json.dumps(completion | {"model": model})
        response = client.post("/v1/chat/completions", sent, content_type="application/json")
        found[f"completion {model[:9]}"] = wrong(response, "")
    assert {name: problem for name, problem in found.items() if problem} == {}


def _tool(client: Client, name: str, arguments: dict[str, str]) -> Any:
    params = {"name": name, "arguments": arguments}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"Accept": "application/json, text/event-stream"}
    return client.post("/mcp", json.dumps(call), content_type="application/json", headers=headers)
