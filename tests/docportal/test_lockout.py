"""The login: who guesses is locked out, and learns nothing of who has an account."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import hashers
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from docportal import lockout
from docportal.addresses import client_address
from docportal.models import User
from ingestion.models import AuditEvent
from tests.people import PASSWORD, People, logged_in

pytestmark = pytest.mark.django_db

LIMIT = 5


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    """How fast one address comes is counted in the process, across tests."""
    cache.clear()
    yield
    cache.clear()


def log_in(name: str, password: str = PASSWORD, address: str = "10.0.0.7", **more: Any) -> Any:
    form = {"login": name, "password": password}
    return Client().post("/accounts/login/", form, REMOTE_ADDR=address, **more)


def guess(name: str, times: int = LIMIT, address: str = "10.0.0.7") -> list[int]:
    return [log_in(name, f"wrong {n}", address).status_code for n in range(times)]


def is_in(response: Any) -> bool:
    return (response.status_code, response.get("Location")) == (302, "/")


def test_fifth_wrong_password_locks_and_the_page_says_for_how_long(people: People) -> None:
    assert guess("engineer") == [200, 200, 200, 200, 429]
    response = log_in("engineer")
    assert response.status_code == 429, "nor does the right one help"
    assert "Wait 15 minutes, then log in." in response.content.decode()
    assert 14 * 60 < int(response["Retry-After"]) <= 15 * 60


def test_trying_on_does_not_make_it_longer(people: People) -> None:
    guess("engineer")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=12))
    assert "Wait 3 minutes" in log_in("engineer").content.decode()
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert is_in(log_in("engineer"))


def test_lock_is_of_name_and_address(people: People) -> None:
    guess("engineer")
    assert is_in(log_in("engineer", address="10.0.0.8")), "nobody locks out a colleague"
    assert is_in(log_in("writer")), "nor all who share an address"


@pytest.mark.parametrize("typed", ["ENGINEER", "Engineer ", "ｅｎｇｉｎｅｅｒ"])
def test_other_ways_to_type_a_name_count_as_the_name(people: People, typed: str) -> None:
    guess("engineer", LIMIT - 1)
    assert log_in(typed, "wrong").status_code == 429


def test_another_browser_counts_as_well(people: People) -> None:
    guess("engineer", LIMIT - 1)
    assert log_in("engineer", "wrong", headers={"User-Agent": "Another"}).status_code == 429


def test_right_password_begins_the_count_anew(people: People) -> None:
    guess("engineer", LIMIT - 1)
    assert is_in(log_in("engineer"))
    assert guess("engineer", LIMIT - 1) == [200] * (LIMIT - 1)


@pytest.fixture
def closed(people: People) -> User:
    return User.objects.create_user("closed", password=PASSWORD, is_active=False)


def answers_to_guesses(name: str, password: str) -> list[tuple[int, str]]:
    told = []
    for _ in range(LIMIT + 1):
        response = log_in(name, password)
        page = response.content.decode().replace(name, "NAME")
        page, _, _ = page.partition("csrfmiddlewaretoken")
        told.append((response.status_code, page.partition("<body")[2].partition("<main")[2]))
    return told


def test_nobody_learns_who_has_an_account(people: People, closed: User) -> None:
    known = answers_to_guesses("engineer", "wrong")
    assert [status for status, _ in known] == [200] * 4 + [429] * 2
    assert answers_to_guesses("nobodyx", "wrong") == known
    assert answers_to_guesses("closed", "wrong") == known


def test_closed_account_is_answered_like_a_wrong_password(people: People, closed: User) -> None:
    wrong = answers_to_guesses("engineer", "wrong")
    cache.clear()
    assert answers_to_guesses("closed", PASSWORD) == wrong


class CountingHasher(hashers.MD5PasswordHasher):
    """What takes the time of a login, counted."""

    algorithm = "md5"
    made = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).made += 1
        return super().encode(password, salt)


@pytest.mark.parametrize("name", ["engineer", "nobody", "closed"])
def test_every_wrong_guess_costs_one_hash(settings: Settings, closed: User, name: str) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.made = 0
    log_in(name, "wrong")
    assert CountingHasher.made == 1


def test_lock_is_recorded_once_and_an_admin_may_end_it(people: People, admin: Client) -> None:
    guess("engineer", LIMIT + 3)
    (event,) = AuditEvent.objects.filter(verb=lockout.LOCKED)
    assert event.detail == "engineer from 10.0.0.7"
    assert "10.0.0.7" in admin.get("/operations/").content.decode()
    admin.post("/operations/let-in/", {"name": "engineer"})
    assert is_in(log_in("engineer"))
    event = AuditEvent.objects.get(verb=lockout.LET_IN)
    assert (event.actor_name, event.detail) == ("admin", "engineer")
    again = admin.post("/operations/let-in/", {"name": "engineer"}, follow=True)
    assert "That lock has ended already." in again.content.decode()
    assert AuditEvent.objects.filter(verb=lockout.LET_IN).count() == 1


STRANGE = {
    "NUL": b"a%00b",
    "half a surrogate pair": b"%ed%a0%80",
    "very long": b"x" * 5000,
    "SQL": b"'+OR+1=1+--",
    "right to left": b"%e2%80%aenimda",
}


@pytest.mark.parametrize("name", STRANGE.values(), ids=STRANGE)
def test_strange_names_break_nothing(people: People, name: bytes) -> None:
    form, kind = b"password=wrong&login=" + name, "application/x-www-form-urlencoded"
    codes = [
        Client().post("/accounts/login/", form, content_type=kind).status_code
        for _ in range(LIMIT + 1)
    ]
    assert set(codes) <= {200, 429}


# --- Behind proxies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "", "10.0.0.1"),
        (0, "1.2.3.4", "10.0.0.1"),  # anybody can send it
        (1, "1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),  # what the client began, and what the proxy added
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (2, "1.2.3.4", "10.0.0.1"),  # it came past a proxy
        (1, "unknown", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (1, "::ffff:1.2.3.4", "1.2.3.4"),
    ],
)
def test_address_is_what_the_last_trusted_proxy_says(
    settings: Settings, proxies: int, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", headers=headers)
    assert client_address(request) == address


def test_socket_of_files_has_no_address_and_locks_all_the_same(people: People) -> None:
    assert guess("engineer", address="")[-1] == 429


# --- Sessions -------------------------------------------------------------------------------------


def test_login_begins_a_new_session(people: People) -> None:
    client = logged_in(people.writer)
    before = client.session.session_key or ""
    client.post("/accounts/logout/")
    assert not client.session.exists(before)
    client.post("/accounts/login/", {"login": "writer", "password": PASSWORD})
    assert client.session.session_key not in (None, before)


def test_password_change_ends_the_other_sessions_and_is_recorded(people: People) -> None:
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        client.force_login(people.engineer)
    new = "another horse battery"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert here.post("/accounts/password/change/", form).status_code == 302
    assert here.get("/docs/").status_code == 200
    assert elsewhere.get("/docs/").status_code == 302
    event = AuditEvent.objects.get(verb="changed their password")
    assert event.actor_name == "engineer"


def test_who_logs_in_through_the_company_is_told_where_the_password_is(people: People) -> None:
    client = logged_in(people.engineer)
    assert "Change password" in client.get("/docs/").content.decode()
    people.engineer.set_unusable_password()
    people.engineer.save()
    client = logged_in(people.engineer)
    assert "Change password" not in client.get("/docs/").content.decode()
    told = client.get("/accounts/password/change/", follow=True)
    assert told.status_code == 200
    assert "Change it where the company keeps it." in told.content.decode()


def test_logout_takes_a_post(people: People) -> None:
    client = logged_in(people.engineer)
    assert client.get("/accounts/logout/").status_code == 200
    assert client.get("/docs/").status_code == 200, "a link in a page logs nobody out"
    client.post("/accounts/logout/")
    assert client.get("/docs/").status_code == 302


def test_closed_account_is_out_at_once(people: People) -> None:
    client = logged_in(people.engineer)
    User.objects.filter(pk=people.engineer.pk).update(is_active=False)
    assert client.get("/docs/").status_code == 302
