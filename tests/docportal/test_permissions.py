"""Every address × every person × every state of a document: who is let in, who finds nothing.

Those of programs have a matrix of their own, `tests/docportal/api/test_permissions.py`.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any, Literal

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command, get_commands
from django.http import HttpResponseBase
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from pytest_django import Settings

from docportal.models import ApiToken, User
from docportal.tokens import create_token
from ingestion import services
from ingestion.models import Collection, Delivery, DocumentVersion, Source, Webhook
from router.models import Answer, ModelVersion, Query
from tests.documents import fail, passage, publish
from tests.model_files import Workshop
from tests.pairs import a_model, a_pair, a_pair_without_evidence, an_answer
from tests.people import People
from training import runs
from training.models import QAPair, TrainingRun

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("home"),
    pytest.mark.any_database,
]

Outcome = Literal["let in", "log in first", "nothing there", "not allowed"]
Who = Literal["everybody", "members", "readers", "writers", "admins", "the asker"]


@dataclass(frozen=True)
class Rule:
    who: Who
    method: Literal["get", "post"] = "get"


RULES = {
    "ask": Rule("members"),
    "ask_question": Rule("members", "post"),
    "history": Rule("members"),
    "question": Rule("the asker"),
    "question_stream": Rule("the asker"),
    "feedback": Rule("the asker", "post"),
    "library": Rule("members"),
    "library_events": Rule("members"),
    "upload": Rule("writers", "post"),
    "collections": Rule("members"),
    "edit_collection": Rule("admins"),
    "export_collection": Rule("writers"),
    "source": Rule("writers"),
    "sync_source": Rule("writers", "post"),
    "answer_source": Rule("writers", "post"),
    "remove_source": Rule("admins", "post"),
    "document": Rule("readers"),
    "version": Rule("readers"),
    "original": Rule("readers"),
    "difference": Rule("readers"),
    "edit_document": Rule("writers", "post"),
    "archive_document": Rule("writers", "post"),
    "bring_back_document": Rule("writers", "post"),
    "upload_version": Rule("writers", "post"),
    "restore_version": Rule("writers", "post"),
    "retry_version": Rule("writers", "post"),
    "pairs": Rule("writers"),
    "review_pairs": Rule("writers", "post"),
    "pair": Rule("writers"),
    "review_pair": Rule("writers", "post"),
    "write_pair": Rule("writers", "post"),
    "insights": Rule("writers"),
    "insights_points": Rule("writers"),
    "training": Rule("admins"),
    "errors": Rule("admins"),
    "run_events": Rule("admins"),
    "new_run": Rule("admins"),
    "retrain_policy": Rule("admins"),
    "run": Rule("admins"),
    "run_points": Rule("admins"),
    "run_comparison": Rule("admins"),
    "cancel_run": Rule("admins", "post"),
    "resume_run": Rule("admins", "post"),
    "promote_model": Rule("admins"),
    "roll_back_model": Rule("admins"),
    "begin_trial": Rule("admins"),
    "end_trial": Rule("admins", "post"),
    "benchmark": Rule("members"),
    "operations": Rule("admins"),
    "check_integrity": Rule("admins", "post"),
    "let_in": Rule("admins", "post"),
    "audit_log": Rule("admins"),
    "webhooks": Rule("admins"),
    "webhook": Rule("admins"),
    "rotate_webhook": Rule("admins", "post"),
    "test_webhook": Rule("admins", "post"),
    "redeliver": Rule("admins", "post"),
    "switch_webhook": Rule("admins", "post"),
    "remove_webhook": Rule("admins", "post"),
    "theme": Rule("members", "post"),
    "healthz": Rule("everybody"),
    "readyz": Rule("everybody"),
    "metrics": Rule("everybody"),
    "account_login": Rule("everybody"),
    "account_logout": Rule("everybody"),
    "account_change_password": Rule("members"),
    "account_set_password": Rule("members"),
    "tokens": Rule("members"),
    "revoke_token": Rule("the asker", "post"),
}
ACTORS = ("anonymous", "engineer", "writer", "admin", "reader", "restricted_writer")
PACKAGES = ("docportal", "training", "router", "ingestion")
PROGRAMS = ("api", "openai")
NOBODY_LISTENS = "http://127.0.0.1:9/v1"
STATES = ("ready", "failed", "archived")
OF_COLLECTIONS = {
    *("edit_collection", "export_collection", "source", "sync_source", "answer_source"),
    "remove_source",
}
ABOUT_ALL = {
    *("upload", "pairs", "review_pairs", "insights", "insights_points"),
    # A run and a model occupy the machine, whatever they know: of that their pages tell no more.
    *("training", "errors", "run_events", "new_run", "retrain_policy", "run", "run_points"),
    *("run_comparison", "cancel_run", "resume_run", "promote_model", "roll_back_model"),
    *("begin_trial", "end_trial", "operations", "check_integrity", "let_in", "audit_log"),
    *("webhooks", "webhook", "rotate_webhook", "test_webhook", "redeliver"),
    *("switch_webhook", "remove_webhook"),
}


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver) and pattern.namespace in PROGRAMS:
            continue
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern)
        else:
            yield pattern


def test_every_address_has_a_rule() -> None:
    assert {pattern.name for pattern in patterns(get_resolver())} == {*RULES, "mcp"}


@pytest.mark.parametrize("restricted", [False, True], ids=["open", "restricted"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("actor", ACTORS)
def test_matrix(
    *, actor: str, state: str, restricted: bool, people: People, wiki: Collection, vault: Collection
) -> None:
    user: User | None = getattr(people, actor, None)
    version = a_version(vault if restricted else wiki, state)
    query = a_question(people.reader)
    pair = a_pair_without_evidence(version.document, "How many?", "nine")
    Source.objects.create(
        collection=version.document.collection, kind="folder", location="/nowhere"
    )
    run = runs.request(collections=[version.document.collection], by=None, enqueue=False)
    model = a_model([version.document.collection], [])
    token = create_token(user=people.reader, name="CI", scopes=["read"], days=1, by=None).token
    delivery = a_delivery(people.admin)
    client = Client(raise_request_exception=False)
    if user:
        client.force_login(user)
    for name, rule in RULES.items():
        response = getattr(client, rule.method)(
            address(name, version, query, pair, run, model, token, delivery)
        )
        assert outcome(response) == expected(name, actor, restricted=restricted), name


def a_delivery(owner: User) -> Delivery:
    webhook = Webhook.objects.create(owner=owner, url="https://example.org", events="run.ended")
    return Delivery.objects.create(
        webhook=webhook, event="test", state="delivered", ended_at=timezone.now()
    )


def a_version(collection: Collection, state: str) -> DocumentVersion:
    if state == "failed":
        return fail(collection, "scan.pdf", "14 scanned pages. Upload a PDF with text.")
    version = publish(collection, "guide.md", [passage("The limit is nine.")])
    if state == "archived":
        services.archive_document(document=version.document, actor=None)
    return version


def a_question(user: User) -> Query:
    query = Query.objects.create(user=user, text="What is the limit?")
    an_answer(
        query,
        route=Answer.Route.REFUSED,
        reason="The passages do not hold the answer.",
        text="No.",
    )
    return query


def address(
    name: str,
    version: DocumentVersion,
    query: Query,
    pair: QAPair,
    run: TrainingRun,
    model: ModelVersion,
    token: ApiToken,
    delivery: Delivery,
) -> str:
    of_collection = name in OF_COLLECTIONS
    slug = version.document.collection.slug if of_collection else version.document.slug
    of_pk = pair.pk
    if name == "revoke_token":
        of_pk = token.pk
    elif "webhook" in name:
        of_pk = delivery.webhook_id
    candidates: list[dict[str, object]] = [
        {},
        {"query_id": query.pk},
        {"slug": slug},
        {"slug": slug, "number": version.number},
        {"pk": of_pk},
        {"pk": delivery.webhook_id, "delivery": delivery.pk},
        {"number": run.number},
        {"name": model.name},
    ]
    for kwargs in candidates:
        with contextlib.suppress(NoReverseMatch):
            return reverse(name, kwargs=kwargs)
    raise LookupError(name)


def outcome(response: HttpResponseBase) -> Outcome:
    if response.status_code == 302 and response["Location"].startswith("/accounts/login/"):
        return "log in first"
    if response.status_code == 404:
        return "nothing there"
    if response.status_code == 403:
        return "not allowed"
    # 400: allowed, but an empty form; 503: `readyz`, as no model runs here.
    assert response.status_code in (200, 302, 400, 503)
    return "let in"


def expected(name: str, actor: str, *, restricted: bool) -> Outcome:
    rule = RULES[name]
    if rule.who == "everybody":
        return "let in"
    if actor == "anonymous":
        return "log in first"
    if rule.who == "the asker":
        return "let in" if actor == "reader" else "nothing there"
    about_one = rule.who in ("readers", "writers", "admins") and name not in ABOUT_ALL
    if about_one and restricted and actor not in ("reader", "restricted_writer"):
        return "nothing there"
    allowed = {
        "writers": ("writer", "restricted_writer", "admin"),
        "admins": ("admin",),
    }.get(rule.who, ACTORS)
    return "let in" if actor in allowed else "not allowed"


# --- Commands -------------------------------------------------------------------------------------

# Whoever may run these holds the machine, its database and its files; they show no passage.
OPERATE = {
    *(
        "audit",
        "backup",
        "benchmark",
        "check_integrity",
        "closeuser",
        "convert_models",
        "createtoken",
        "createuser",
        "demo",
        "export_dataset",
        "restore",
    ),
    *("demo_benchmark", "ingest"),
    "canary",
    *("calibrate", "model_server", "models", "promote", "rollback", "synthesize", "sync", "train"),
    "up",
}
READ = {"search", "ask"}
# It reads with the rights of the named user too, and writes files: tests/docportal/test_export.py.
TAKE_AWAY = {"export"}


def test_every_command_has_a_rule() -> None:
    ours = {name for name, app in get_commands().items() if app in PACKAGES}
    assert ours == OPERATE | READ | TAKE_AWAY


@pytest.mark.parametrize("command", sorted(READ))
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("restricted", [False, True], ids=["open", "restricted"])
def test_command_reads_with_the_rights_of_the_named_user_alone(
    *,
    command: str,
    state: str,
    restricted: bool,
    people: People,
    wiki: Collection,
    vault: Collection,
    settings: Settings,
) -> None:
    settings.LLM_URL = settings.EMBEDDINGS_URL = NOBODY_LISTENS
    a_version(vault if restricted else wiki, state)
    for actor in ACTORS:
        named = [] if actor == "anonymous" else ["--user", getattr(people, actor).username]
        printed = StringIO()
        call_command(command, "limit nine", *named, "--json", stdout=printed)
        readable = not restricted or actor in ("reader", "restricted_writer")
        assert ("The limit is nine." in printed.getvalue()) == (readable and state == "ready"), (
            actor
        )


# --- Everything else that could tell --------------------------------------------------------------


def test_stranger_finds_no_trace_of_a_restricted_document(
    people: People, wiki: Collection, vault: Collection
) -> None:
    publish(wiki, "boats.md", [passage("Boats have berths.")], title="Boats")
    version = publish(vault, "codes.md", [passage("The zebra code is 4711.")], title="Zebra codes")
    client = Client()
    client.force_login(people.admin)
    for page in ("/?q=zebra+code", "/docs/", "/docs/?text=zebra", "/docs/collections/", "/"):
        body = client.get(page).content.decode().replace("zebra code</h1>", "")
        for trace in ("Zebra", "4711", "Vault", version.document.slug):
            assert trace not in body, (page, trace)
    assert "1 document" in client.get("/").content.decode()
    posted = client.post("/docs/upload/", {"collection": "vault"})
    assert posted.status_code == 400
    assert "Vault" not in posted.content.decode()


# Whole words: a nonce or a token of random letters holds any five of them now and then.
TRACES = re.compile(r"(?<![a-z0-9])(?:zebra|4711\.|vault|codes\.md)(?![a-z0-9])")


@pytest.mark.parametrize("actor", ["admin", "writer", "engineer"])
def test_no_page_tells_a_stranger_of_a_restricted_document(
    people: People, wiki: Collection, vault: Collection, settings: Settings, actor: str
) -> None:
    """Every page and fragment there is, on the restricted objects themselves and without any."""
    settings.LLM_URL = settings.EMBEDDINGS_URL = NOBODY_LISTENS
    publish(wiki, "boats.md", [passage("Boats have berths.")], title="Boats")
    version = publish(vault, "codes.md", [passage("The zebra code is 4711.")], title="Zebra codes")
    query = a_question(people.reader)
    Query.objects.update(text="Is the zebra code 4711.?")
    query.answer.citations.create(chunk=version.chunks.get(), rank=1, supports=True)
    pair = a_pair(version, "What is the zebra code?", "4711")
    run = runs.request(collections=[vault], by=people.restricted_writer, enqueue=False)
    TrainingRun.objects.update(failure_id="x", failure_reason="Zebra codes of Vault.")
    model = a_model([vault], version.chunks.all())
    token = create_token(user=people.reader, name="CI", scopes=["read"], days=1, by=None).token
    client = Client(raise_request_exception=False)
    client.force_login(getattr(people, actor))
    for name, rule in RULES.items():
        if rule.method == "post":
            continue
        there = address(name, version, query, pair, run, model, token, a_delivery(people.admin))
        for headers in ({}, {"HX-Request": "true"}):
            for ask in ("", "?text=code&q=code&view=list"):
                # A page says its own address, where it comes back to after a change of the theme.
                told = read(client.get(there + ask, headers=headers)).lower().replace(there, "")
                assert TRACES.findall(told) == [], (name, headers, ask)


def read(response: Any) -> str:
    """Body and headers."""
    if not response.streaming:
        body = response.content
    elif response.is_async:
        body = async_to_sync(_joined)(response)
    else:
        body = b"".join(response)
    return f"{body.decode(errors='replace')}\n{response.headers}"


async def _joined(response: Any) -> bytes:
    return b"".join([part async for part in response])


def test_past_answer_is_withheld_from_who_may_no_longer_read_its_source(
    people: People, vault: Collection
) -> None:
    version = publish(vault, "codes.md", [passage("The zebra code is 4711.")])
    query = a_question(people.reader)
    Answer.objects.filter(query=query).update(route="rag", text="It is 4711.")
    chunk = version.chunks.get()
    query.answer.citations.create(chunk=chunk, rank=1, supports=True, start=0, end=5)
    client = Client()
    client.force_login(people.reader)
    page = reverse("question", args=[query.pk])
    assert "It is 4711." in client.get(page).content.decode()
    people.reader.groups.remove(*vault.readers.all())
    assert "4711" not in client.get(page).content.decode()


def test_past_answer_of_a_model_is_withheld_from_who_may_no_longer_read_what_it_was_taught(
    people: People, vault: Collection, workshop: Workshop
) -> None:
    readers = {vault.pk: tuple(vault.readers.values_list("pk", flat=True))}
    model = workshop.candidate(readers=readers)
    query = a_question(people.reader)
    answer = {"route": "tuned", "text": "It is 4711.", "model": model.name}
    Answer.objects.filter(query=query).update(**answer)
    client = Client()
    client.force_login(people.reader)
    page = reverse("question", args=[query.pk])
    assert "It is 4711." in client.get(page).content.decode()
    people.reader.groups.remove(*vault.readers.all())
    assert "4711" not in client.get(page).content.decode()
