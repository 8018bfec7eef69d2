"""Every operation × every person × every state of a document; and what none of them may tell."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from docportal.models import User
from ingestion.models import Collection, DocumentVersion, Source
from router.models import ModelVersion, Query
from tests.docportal.api.callers import Caller, error_of
from tests.docportal.test_permissions import ACTORS, STATES, a_question, a_version
from tests.documents import passage, publish
from tests.pairs import a_model, a_pair, a_pair_without_evidence
from tests.people import People
from tests.scripted_llm import ScriptedLLM
from training import runs
from training.models import Benchmark, QAPair, TrainingRun

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("home"),
    pytest.mark.any_database,
]

Outcome = Literal["let in", "log in first", "nothing there", "not allowed"]
Who = Literal["members", "readers", "writers", "all writers", "trainers", "admins", "the asker"]


@dataclass(frozen=True)
class Rule:
    """`body` and `files` are filled in like the path."""

    who: Who
    body: dict[str, Any] = field(default_factory=dict)
    upload: bool = False


DOCUMENT = "/api/v1/documents/{slug}"
VERSION = f"{DOCUMENT}/versions/{{number}}"
RULES = {
    "get /api/v1/collections": Rule("members"),
    "get /api/v1/collections/{slug}": Rule("readers"),
    "get /api/v1/collections/{slug}/export": Rule("writers"),
    "get /api/v1/sources": Rule("all writers"),
    "post /api/v1/collections/{slug}/source/sync": Rule("writers"),
    "get /api/v1/documents": Rule("members"),
    "post /api/v1/documents": Rule("writers", {"collection": "{collection}"}, upload=True),
    f"get {DOCUMENT}": Rule("readers"),
    f"post {DOCUMENT}/archive": Rule("writers"),
    f"get {DOCUMENT}/versions": Rule("readers"),
    f"get {VERSION}": Rule("readers"),
    f"get {VERSION}/text": Rule("readers"),
    f"get {VERSION}/original": Rule("readers"),
    f"post {VERSION}/restore": Rule("writers"),
    "get /api/v1/search": Rule("members", {"q": "limit"}),
    "post /api/v1/ask": Rule("members", {"question": "What is the limit?"}),
    "get /api/v1/answers/{query_id}": Rule("the asker"),
    "post /api/v1/answers/{query_id}/feedback": Rule("the asker", {"verdict": "up"}),
    "get /api/v1/pairs": Rule("all writers"),
    "post /api/v1/pairs": Rule(
        "writers", {"document": "{slug}", "question": "How much?", "answer": "Nothing."}
    ),
    "post /api/v1/pairs/{pk}/review": Rule("writers", {"verdict": "reject"}),
    "get /api/v1/benchmarks": Rule("members"),
    "get /api/v1/benchmarks/{pk}": Rule("members"),
    "get /api/v1/runs": Rule("admins"),
    "post /api/v1/runs": Rule("trainers", {"collections": ["{collection}"]}),
    "get /api/v1/runs/{number}": Rule("admins"),
    "post /api/v1/runs/{number}/cancel": Rule("admins"),
    "post /api/v1/runs/{number}/resume": Rule("admins"),
    "get /api/v1/models": Rule("admins"),
    "post /api/v1/models/{name}/promote": Rule("admins"),
    "post /api/v1/models/{name}/roll-back": Rule("admins"),
}
OUTCOMES: dict[int, Outcome] = {
    **dict.fromkeys((200, 201, 202, 400), "let in"),
    401: "log in first",
    403: "not allowed",
    404: "nothing there",
}
MAY_READ = ("reader", "restricted_writer")
MAY_WRITE = ("writer", "restricted_writer", "admin")


def test_every_operation_has_a_rule() -> None:
    paths = Client().get("/api/v1/openapi.json").json()["paths"]
    assert {f"{method} {path}" for path, methods in paths.items() for method in methods} == set(
        RULES
    )


@pytest.mark.parametrize("restricted", [False, True], ids=["open", "restricted"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("actor", ACTORS)
def test_matrix(
    *,
    actor: str,
    state: str,
    restricted: bool,
    people: People,
    wiki: Collection,
    vault: Collection,
    settings: Settings,
) -> None:
    settings.LLM_URL = "http://127.0.0.1:9/v1"
    user: User | None = getattr(people, actor, None)
    client = Client(headers=Caller(user).headers if user else {}, raise_request_exception=False)
    there = Place.made(vault if restricted else wiki, state, people)
    for operation, rule in RULES.items():
        response = there.call(client, operation, rule)
        assert response.status_code in OUTCOMES, (operation, response.content)
        if response.status_code >= 400:
            error_of(response)
        expected = _expected(rule, actor, restricted=restricted)
        assert OUTCOMES[response.status_code] == expected, (operation, response.content)


@dataclass(frozen=True)
class Place:
    """What the paths and bodies name."""

    version: DocumentVersion
    query: Query
    pair: QAPair
    run: TrainingRun
    model: ModelVersion
    benchmark: Benchmark

    @classmethod
    def made(cls, collection: Collection, state: str, people: People) -> "Place":
        version = a_version(collection, state)
        Source.objects.create(collection=collection, kind="folder", location="/nowhere")
        return cls(
            version=version,
            query=a_question(people.reader),
            pair=a_pair_without_evidence(version.document, "How many?", "nine"),
            run=runs.request(collections=[collection], by=None, enqueue=False),
            model=a_model([collection], []),
            benchmark=Benchmark.objects.create(name="b", report={"systems": {}}),
        )

    def call(self, client: Client, operation: str, rule: Rule) -> Any:
        method, _, template = operation.partition(" ")
        names = self._names(template)
        path = template.format(**names)
        body = json.loads(json.dumps(rule.body).replace("{slug}", names["slug"]))
        body = json.loads(json.dumps(body).replace("{collection}", self._collection))
        if method == "get":
            return client.get(path, body)
        if rule.upload:
            file = SimpleUploadedFile("new.md", b"# New")
            return client.post(path, body | {"path": "new.md", "file": file})
        return client.post(path, body, content_type="application/json")

    @property
    def _collection(self) -> str:
        return self.version.document.collection.slug

    def _names(self, template: str) -> dict[str, str]:
        of_run = "/runs" in template
        return {
            "slug": self._collection if "/collections" in template else self.version.document.slug,
            "number": str(self.run.number if of_run else self.version.number),
            "query_id": str(self.query.pk),
            "pk": str(self.benchmark.pk if "/benchmarks" in template else self.pair.pk),
            "name": self.model.name,
        }


def _expected(rule: Rule, actor: str, *, restricted: bool) -> Outcome:
    if actor == "anonymous":
        return "log in first"
    if rule.who == "the asker":
        return "let in" if actor == "reader" else "nothing there"
    if rule.who in ("readers", "writers") and restricted and actor not in MAY_READ:
        return "nothing there"
    if rule.who in ("writers", "all writers"):
        return "let in" if actor in MAY_WRITE else "not allowed"
    if rule.who in ("admins", "trainers") and actor != "admin":
        return "not allowed"
    return "nothing there" if rule.who == "trainers" and restricted else "let in"


# --- What none of them may tell a stranger ------------------------------------------------------

# Whole words: an identifier or a duration holds any four digits now and then.
TRACES = re.compile(r"(?<![a-z0-9])(?:zebra|vault|(?<!\.)4711)(?![a-z0-9])")


@pytest.fixture
def secret(people: People, wiki: Collection, vault: Collection) -> Place:
    """A restricted document and all that hangs on it, beside an open one."""
    boats = publish(wiki, "boats.md", [passage("Boats have berths.")], title="Boats")
    a_pair(boats, "What do boats have?", "berths")
    Source.objects.create(collection=vault, kind="folder", location="/srv/zebra")
    version = publish(vault, "codes.md", [passage("The zebra code is 4711.")], title="Zebra codes")
    place = Place(
        version=version,
        query=a_question(people.reader),
        pair=a_pair(version, "What is the zebra code?", "4711"),
        run=runs.request(collections=[vault], by=None, enqueue=False),
        model=a_model([vault], version.chunks.all()),
        benchmark=Benchmark.objects.create(name="b", report={"systems": {}}),
    )
    metrics = {"exact_match": 1.0, "stays_on_rag": ["vault"]}
    gate = [{"check": "c", "value": 1, "limit": 1, "passed": False, "reason": "Vault: zebra"}]
    TrainingRun.objects.update(metrics=metrics, gate=gate)
    ModelVersion.objects.update(metrics=metrics)
    return place


def test_stranger_finds_no_trace_of_a_restricted_document(
    people: People, secret: Place, llm: ScriptedLLM
) -> None:
    """An admin, to whom every role is open, and no group."""
    stranger = Client(headers=Caller(people.admin).headers)
    names = (secret.version.document.slug, secret.version.sha256)

    def traces(told: str) -> list[str]:
        return [*TRACES.findall(told), *(name for name in names if name in told)]

    for operation, rule in RULES.items():
        if operation.startswith("get "):
            told = _lowered(secret.call(stranger, operation, rule))
            assert traces(told) == [], operation
    for path, listed in (("documents", 1), ("collections", 1), ("pairs", 1)):
        page = stranger.get(f"/api/v1/{path}").json()
        assert (len(page["items"]), page["next"]) == (listed, ""), path
    assert stranger.get("/api/v1/search?q=zebra+code+4711").json()["hits"] == []
    for response in _asks(stranger, "What do you know of the code?"):
        assert response.status_code == 200
        told = _lowered(response)
        assert traces(told) == [], response.request
    assert "4711" not in str(llm.requests), "nor does a model read it for a stranger"


def test_member_finds_it_by_every_way(people: People, secret: Place, llm: ScriptedLLM) -> None:
    llm.will_say("The zebra code is 4711.")
    member = Client(headers=Caller(people.reader).headers)
    for response in (
        member.get("/api/v1/search?q=zebra+code"),
        *_asks(member, "What is the zebra code?"),
    ):
        assert "4711" in _lowered(response), response.request


def test_what_is_hidden_is_refused_in_the_words_of_what_is_not_there(
    people: People, secret: Place
) -> None:
    stranger = Client(headers=Caller(people.admin).headers)
    slug = secret.version.document.slug
    for method, hidden, missing in (
        ("get", f"documents/{slug}", "documents/no-such"),
        ("get", f"documents/{slug}/versions/1/text", "documents/no-such/versions/1/text"),
        ("post", f"documents/{slug}/archive", "documents/no-such/archive"),
        ("get", "collections/vault", "collections/no-such"),
        ("post", "collections/vault/source/sync", "collections/no-such/source/sync"),
        ("get", "search?q=x&collection=vault", "search?q=x&collection=no-such"),
        ("get", f"answers/{secret.query.pk}", "answers/00000000-0000-0000-0000-000000000000"),
    ):
        one, other = (getattr(stranger, method)(f"/api/v1/{path}") for path in (hidden, missing))
        assert (one.status_code, one.content) == (other.status_code, other.content), hidden
        assert one.status_code == 404
    one, other = (_tool(stranger, "read_document", document=name) for name in (slug, "no-such"))
    assert one.json()["result"] == other.json()["result"]
    assert one.json()["result"]["isError"]


def _asks(client: Client, question: str) -> Iterator[Any]:
    """By every way that an answer comes."""
    yield client.post("/api/v1/ask", {"question": question}, content_type="application/json")
    completion = {"model": "docportal", "messages": [{"role": "user", "content": question}]}
    yield client.post("/v1/chat/completions", completion, content_type="application/json")
    yield _tool(client, "search", query=question)
    yield _tool(client, "ask", question=question)


def _tool(client: Client, name: str, **arguments: str) -> Any:
    params = {"name": name, "arguments": arguments}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"Accept": "application/json, text/event-stream"}
    return client.post("/mcp", call, content_type="application/json", headers=headers)


def _lowered(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    told: str = content.decode().lower()
    return told
