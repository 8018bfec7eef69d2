"""Tokens of programs: what is kept of them, who makes and ends them, and when."""

import io
import json
from datetime import timedelta
from html import unescape

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from docportal.models import ApiToken
from docportal.tokens import NewToken, create_token, revoke_token, token_of
from ingestion.errors import UserError
from ingestion.models import AuditEvent
from tests.people import People, logged_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(people: People) -> NewToken:
    user = people.engineer
    return create_token(user=user, name="CI", scopes=["ask", "read"], days=30, by=user)


@pytest.fixture
def client(people: People) -> Client:
    return logged_in(people.engineer)


def test_token_is_found_by_its_secret_which_is_kept_nowhere(made: NewToken) -> None:
    assert token_of(made.secret) == made.token
    row = ApiToken.objects.filter(pk=made.token.pk).values().get()
    assert made.secret not in str(row)
    assert made.secret.startswith(made.token.prefix)
    assert not AuditEvent.objects.filter(detail__contains=made.secret).exists()


def test_use_is_noted_at_most_once_a_minute(made: NewToken) -> None:
    token_of(made.secret)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    token_of(made.secret)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    token_of(made.secret)
    assert (ApiToken.objects.get().last_used_at or first) >= first


@pytest.mark.parametrize("secret", ["", "dp_", "dp_guessed", "\udcff", "é"])
def test_other_secrets_find_nothing(made: NewToken, secret: str) -> None:
    assert token_of(secret) is None


def test_token_is_worth_nothing_once_revoked_expired_or_its_user_is_gone(
    made: NewToken, people: People
) -> None:
    ApiToken.objects.update(
        created_at=timezone.now() - timedelta(days=2), expires_at=timezone.now()
    )
    assert token_of(made.secret) is None
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert token_of(made.secret) is not None
    people.engineer.is_active = False
    people.engineer.save()
    assert token_of(made.secret) is None
    people.engineer.is_active = True
    people.engineer.save()
    revoke_token(token=made.token, by=people.engineer)
    assert token_of(made.secret) is None


@pytest.mark.parametrize(
    ("wrong", "id"),
    [
        ({"name": " "}, "bad-name"),
        ({"name": "x" * 101}, "bad-name"),
        ({"scopes": []}, "bad-scopes"),
        ({"scopes": ["read", "everything"]}, "bad-scopes"),
        ({"days": 0}, "bad-days"),
        ({"days": 366}, "bad-days"),
    ],
)
def test_impossible_token_is_refused(people: People, wrong: dict[str, object], id: str) -> None:
    asked = {"name": "CI", "scopes": ["read"], "days": 30} | wrong
    with pytest.raises(UserError) as caught:
        create_token(user=people.engineer, by=None, **asked)  # type: ignore[arg-type]
    assert caught.value.id == id


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": "read everything"}, {"scopes": ""}, {"name": ""}, {"days": 366}, {"days": -1}],
)
def test_database_holds_no_impossible_token(made: NewToken, wrong: dict[str, object]) -> None:
    token = made.token
    if "days" in wrong:
        wrong = {"expires_at": token.created_at + timedelta(days=int(str(wrong["days"])))}
    with pytest.raises(IntegrityError):
        ApiToken.objects.filter(pk=token.pk).update(**wrong)


def test_page_shows_the_secret_once(client: Client, people: People) -> None:
    values = {"name": "CI of <web>", "scopes": ["read", "ask"], "days": "30"}
    page = client.post("/accounts/tokens/", values)
    token = ApiToken.objects.get(user=people.engineer)
    secret = page.context["made"].secret
    assert secret in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert token_of(secret) == token
    later = unescape(client.get("/accounts/tokens/").content.decode())
    assert "CI of <web>" in later
    assert token.prefix in later
    assert secret not in later


def test_page_says_what_is_wrong(client: Client) -> None:
    page = client.post("/accounts/tokens/", {"name": "CI", "days": "400"})
    assert page.status_code == 400
    assert "Choose at least one." in page.content.decode()
    assert ApiToken.objects.count() == 0


def test_token_is_revoked_by_its_owner_alone(
    client: Client, made: NewToken, people: People
) -> None:
    stranger = logged_in(people.admin)
    address = f"/accounts/tokens/{made.token.pk}/revoke/"
    assert stranger.post(address).status_code == 404
    assert token_of(made.secret) is not None
    assert f">{made.token.name}<" not in stranger.get("/accounts/tokens/").content.decode()
    page = client.post(address, follow=True).content.decode()
    assert "revoked" in page
    assert token_of(made.secret) is None
    verbs = AuditEvent.objects.values_list("verb", flat=True)
    assert list(verbs) == ["revoked a token", "made a token"]


def created(*arguments: str) -> str:
    out = io.StringIO()
    call_command("createtoken", *arguments, stdout=out)
    return out.getvalue().strip()


def test_command_prints_the_secret_alone_or_as_json(people: People) -> None:
    token = token_of(created("writer", "--scopes", "write", "--days", "7"))
    assert token is not None
    assert token.user == people.writer
    told = json.loads(
        created("writer", "--scopes", "write", "read", "--days", "7", "--label", "CI", "--json")
    )
    assert told == told | {"user": "writer", "name": "CI", "scopes": ["read", "write"]}
    assert token_of(told["token"]) is not None


def test_closed_account_gets_no_token(people: People) -> None:
    call_command("closeuser", "writer", stdout=io.StringIO())
    with pytest.raises(CommandError, match="The account 'writer' is closed") as raised:
        created("writer", "--scopes", "read", "--days", "7")
    assert raised.value.returncode == 2
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nobody", "--scopes", "read", "--days", "7"],
        ["writer", "--scopes", "read", "--days", "400"],
    ],
)
def test_command_tells_wrong_use(people: People, arguments: list[str]) -> None:
    with pytest.raises(CommandError) as caught:
        created(*arguments)
    assert caught.value.returncode == 2
