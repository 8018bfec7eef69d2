"""Pages of errors leave nothing open behind them."""

import asyncio

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import AsyncClient, Client
from pytest_django import Settings

from tests.people import People

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("address", "status"), [("/no-such-page/", 404), ("/training/", 403)])
async def test_thread_that_made_one_keeps_no_connection(
    people: People, address: str, status: int
) -> None:
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    page = await client.get(address)
    assert page.status_code == status
    assert people.engineer.username in page.content.decode()
    # The loop has one such thread, as it has had one such page to make.
    assert await asyncio.to_thread(lambda: connection.connection) is None


@pytest.mark.parametrize("role", ["engineer", "writer"])
def test_who_may_not_open_a_page_is_sent_to_no_role_that_would_not_help(
    people: People, role: str
) -> None:
    client = Client()
    client.force_login(getattr(people, role))
    told = client.get("/training/").content.decode()
    assert "Your account may not do this" in told
    assert "ask an administrator for a role that may" in told
    assert "You may read this" not in told
    assert "the writer role" not in told


def test_form_of_an_old_page_is_told_so_beside_what_was_typed(people: People) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.writer)
    told = client.post("/ask/", {"q": "Which port?"}, headers={"HX-Request": "true"})
    assert (told.status_code, told["HX-Retarget"]) == (403, "#notices")
    assert "reload the page" in told.content.decode()
    assert "<html" not in told.content.decode()


def test_too_many_files_are_told_beside_the_list(people: People, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 1
    client = Client()
    client.force_login(people.writer)
    files = [SimpleUploadedFile(f"{number}.md", b"# A") for number in range(2)]
    sent = {"collection": "wiki", "uploads": files}
    told = client.post("/docs/upload/", sent, headers={"HX-Request": "true"})
    assert (told.status_code, told["HX-Retarget"]) == (400, "#notices")
    assert "a zip of the folder" in told.content.decode()
    assert "<html" not in told.content.decode()


def test_address_of_a_form_says_that_it_is_one(people: People) -> None:
    client = Client()
    client.force_login(people.writer)
    told = client.get("/docs/upload/", headers={"Accept": "text/html"})
    assert (told.status_code, told["Allow"]) == (405, "POST")
    assert "takes what a form sends" in told.content.decode()
    assert "<html" not in client.get("/mcp").content.decode()
