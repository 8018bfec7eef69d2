"""Pages that one person keeps open, over real connections: none keeps the process from others."""

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from docportal.models import User
from ingestion.models import Collection
from ingestion.services import add_version
from router.models import Conversation, Query
from tests.docportal.api.live import web_process
from tests.people import People
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

MOST = 2


@pytest.fixture
def url(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("STREAMS_A_PERSON", str(MOST))
    monkeypatch.setenv("SECRET_KEY", settings.SECRET_KEY)
    with web_process(home) as address:
        yield address


@pytest.fixture
def watched(wiki: Collection) -> str:
    """The stream of a document that no worker reads: it goes on until its reader leaves."""
    content = io.BytesIO(b"# A")
    change = add_version(collection=wiki, path="a.md", content=content, author=None, enqueue=False)
    return f"{reverse('library_events')}?watch={change.version.pk}"


def browser(url: str, user: User) -> httpx.Client:
    client = Client()
    client.force_login(user)
    cookies = {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}
    return httpx.Client(base_url=url, cookies=cookies, timeout=60)


@contextmanager
def open_tabs(client: httpx.Client, address: str) -> Iterator[None]:
    """As many live pages as one person may have, each of which has begun."""
    with ExitStack() as opened:
        tabs = [opened.enter_context(client.stream("GET", address)) for _ in range(MOST)]
        # Without its reader a response of httpx is closed.
        readers = [tab.iter_text() for tab in tabs]
        assert all("event: rows" in next(reader) for reader in readers)
        yield


def is_live(client: httpx.Client, address: str) -> bool:
    with client.stream("GET", address) as response:
        return response.status_code == 200


def test_person_with_too_many_live_pages_is_told_and_others_are_served(
    url: str, people: People, watched: str
) -> None:
    with browser(url, people.engineer) as tabs, browser(url, people.writer) as colleague:
        with open_tabs(tabs, watched):
            refused = tabs.get(watched)
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
            assert refused.text.startswith("You have 2 pages open that are kept up to date")
            assert tabs.get(reverse("library")).status_code == 200
            assert is_live(colleague, watched)
        until(lambda: is_live(tabs, watched), within=60)


def test_answer_that_may_not_come_live_is_told_on_its_page(
    url: str, people: People, watched: str
) -> None:
    conversation = Conversation.objects.create(user=people.engineer)
    query = Query.objects.create(user=people.engineer, text="Why?", conversation=conversation)
    with browser(url, people.engineer) as tabs, open_tabs(tabs, watched):
        told = tabs.get(reverse("question_stream", args=[query.pk])).text
        assert told.startswith("event: failed")
        assert "You have 2 pages open" in told
        assert "Ask again" in told
        assert told.endswith("event: close\ndata: \n\n")


def test_pages_that_are_left_at_once_hold_nothing(url: str, people: People, watched: str) -> None:
    with browser(url, people.engineer) as tabs:
        for _ in range(3 * MOST):
            until(lambda: is_live(tabs, watched), within=60)
