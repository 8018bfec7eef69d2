"""Who is let in: tokens, their scopes and rates, and sessions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from docportal.models import ApiToken, User
from docportal.tokens import revoke_token
from ingestion.models import Collection, DocumentVersion
from tests.docportal.api.callers import Caller, error_of
from tests.docportal.api.test_permissions import RULES
from tests.people import People

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "wiki")]


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer dp_guessed", "Basic YTpi", "dp_x"])
def test_nobody_is_let_in_without_a_valid_token(header: str | None) -> None:
    response = Client(headers={"Authorization": header} if header else {}).get("/api/v1/documents")
    assert error_of(response) == (401, "not-authenticated")
    assert response["WWW-Authenticate"] == "Bearer"


def test_session_does_not_help_a_wrong_token(people: People) -> None:
    client = Client(headers={"Authorization": "Bearer dp_guessed"})
    client.force_login(people.engineer)
    assert error_of(client.get("/api/v1/documents"))[0] == 401


def test_revoked_token_is_worth_nothing_at_once(engineer: Caller) -> None:
    assert engineer.get("collections").status_code == 200
    revoke_token(token=ApiToken.objects.get(), by=None)
    assert engineer.get("collections").status_code == 401


def test_token_needs_the_scope_of_what_is_called(people: People, sender: DocumentVersion) -> None:
    asks = Caller(people.admin, ["ask"])
    for path in ("documents", "search?q=webhook", f"documents/{sender.document.slug}", "pairs"):
        assert error_of(asks.get(path)) == (403, "missing-scope")
    reads = Caller(people.admin, ["read"])
    assert reads.get("documents").status_code == 200
    assert error_of(reads.get("runs")) == (403, "missing-scope")
    assert error_of(reads.post("ask", {"question": "Why?"})) == (403, "missing-scope")
    archive = f"documents/{sender.document.slug}/archive"
    assert error_of(reads.post(archive)) == (403, "missing-scope")


# What needs another scope than `read`, by the beginning of method and path.
SCOPES = {
    "post /api/v1/ask": "ask",
    "get /api/v1/answers": "ask",
    "post /api/v1/answers": "ask",
    "post /api/v1/documents": "write",
    "post /api/v1/pairs": "write",
    "post /api/v1/collections": "write",
    "get /api/v1/runs": "train",
    "post /api/v1/runs": "train",
    "get /api/v1/models": "train",
    "post /api/v1/models": "train",
}


def scope_of(operation: str) -> str:
    return next((of for start, of in SCOPES.items() if operation.startswith(start)), "read")


def called(client: Client, operation: str) -> Any:
    """Something that is not there: whoever is let in finds nothing, or sent nothing of use."""
    method, _, template = operation.partition(" ")
    names = {"slug": "no-such", "number": 9, "pk": 9, "name": "docs-v0009", "query_id": uuid4()}
    path = template.format(**names)
    if method == "get":
        return client.get(path)
    return client.post(path, {}, content_type="application/json")


@pytest.mark.parametrize("scope", ApiToken.Scope.values)
def test_each_operation_is_for_tokens_of_one_scope(people: People, scope: str) -> None:
    client = Caller(people.admin, [scope]).client
    for operation in RULES:
        response = called(client, operation)
        refused = response.status_code == 403 and error_of(response)[1] == "missing-scope"
        assert refused == (scope_of(operation) != scope), (operation, response.content)
    assert client.get("/v1/models").status_code == (200 if scope == "ask" else 403)


def expire(token: ApiToken) -> None:
    then = timezone.now() - timedelta(days=9)
    ApiToken.objects.filter(pk=token.pk).update(created_at=then, expires_at=then + timedelta(1))


ENDINGS: dict[str, Callable[[ApiToken], object]] = {
    "expired": expire,
    "revoked": lambda token: revoke_token(token=token, by=None),
    "of a closed account": lambda _: User.objects.update(is_active=False),
    "of nobody": lambda token: token.delete(),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_token_that_has_ended_opens_no_door(
    people: People, end: Callable[[ApiToken], object]
) -> None:
    client = Caller(people.admin).client
    end(ApiToken.objects.get())
    for operation in RULES:
        assert error_of(called(client, operation)) == (401, "not-authenticated"), operation
    assert client.get("/v1/models").status_code == 401
    completion = {"model": "docportal", "messages": [{"role": "user", "content": "Why?"}]}
    for door, sent in (("/v1/chat/completions", completion), ("/mcp", {})):
        assert client.post(door, sent, content_type="application/json").status_code == 401
    assert client.get("/docs/").status_code == 302, "no token opens a page"


def test_token_gives_no_more_than_the_role_of_its_person(
    engineer: Caller, sender: DocumentVersion
) -> None:
    archive = f"documents/{sender.document.slug}/archive"
    assert error_of(engineer.post(archive)) == (403, "not-allowed")
    assert error_of(engineer.get("runs")) == (403, "not-allowed")
    assert error_of(engineer.get("pairs")) == (403, "not-allowed")


def test_role_that_is_taken_away_is_taken_from_the_token(
    writer: Caller, people: People, sender: DocumentVersion
) -> None:
    assert writer.get("pairs").status_code == 200
    people.writer.groups.clear()
    assert error_of(writer.get("pairs")) == (403, "not-allowed")


def test_session_reads_and_writes_with_its_csrf_token_alone(
    people: People, sender: DocumentVersion
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.writer)
    assert client.get("/api/v1/documents").status_code == 200
    address = f"/api/v1/documents/{sender.document.slug}/archive"
    assert error_of(client.post(address)) == (403, "csrf")
    client.get("/")
    csrf = client.cookies["csrftoken"].value
    assert client.post(address, headers={"X-CSRFToken": csrf}).status_code == 200


def test_token_needs_no_csrf_token(people: People, sender: DocumentVersion) -> None:
    client = Client(enforce_csrf_checks=True, headers=Caller(people.writer).headers)
    address = f"/api/v1/documents/{sender.document.slug}/archive"
    assert client.post(address).status_code == 200


def test_too_many_requests_are_told_when_to_come_again(
    people: People, settings: Settings, wiki: Collection
) -> None:
    settings.API_RATE = 3
    one, other = Caller(people.engineer), Caller(people.engineer)
    assert [one.get("collections").status_code for _ in range(4)] == [200, 200, 200, 429]
    response = one.get("collections")
    assert error_of(response) == (429, "too-often")
    assert 1 <= int(response["Retry-After"]) <= 20
    assert other.get("collections").status_code == 200, "each token has a rate of its own"
    third, fourth = Caller(people.engineer), Caller(people.engineer)
    used = [caller.get("collections").status_code for caller in (other, other, *[third] * 3)]
    assert used == [200] * 5
    assert fourth.get("collections").status_code == 429, "and so has each person"
    settings.API_RATE = 0
    assert one.get("collections").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "documents/no-such",
        "documents/no-such/versions/1",
        "answers/00000000-0000-0000-0000-000000000000",
        "no/such/operation",
    ],
)
def test_what_is_not_there_is_told_as_json(engineer: Caller, path: str) -> None:
    assert error_of(engineer.get(path)) == (404, "not-found")


def test_wrong_input_is_told_by_its_name(engineer: Caller) -> None:
    response = engineer.post("ask", {"route": "sideways"})
    assert error_of(response) == (400, "bad-request")
    assert "question" in response.json()["error"]["message"]
    assert "route" in response.json()["error"]["message"]
    raw = engineer.client.post("/api/v1/ask", "{", content_type="application/json")
    assert error_of(raw) == (400, "bad-request")
