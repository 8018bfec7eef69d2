"""The page of a collection's source, as writers and admins use it."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from ingestion.models import AuditEvent, Collection, Document, Source
from ingestion.sources import services
from ingestion.sources.syncing import sync
from tests.docportal.tabs import kept
from tests.people import People
from tests.repositories import Repository, guide

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]

PAGE = "/docs/collections/wiki/source/"


@pytest.fixture
def repository(settings: Settings, tmp_path: Path) -> Repository:
    settings.SOURCE_ROOTS = [str(tmp_path)]
    found = Repository(tmp_path / "docs")
    for number in range(4):
        found.write(f"berth-{number}.md", guide(f"berth {number}"))
    found.commit("<b>Begin</b>", author="Jane & Sons")
    return found


@pytest.fixture
def source(repository: Repository, wiki: Collection) -> Source:
    found = services.add_source(
        collection=wiki, actor=None, kind="git", location=str(repository.path), enqueue=False
    )
    assert sync(found.pk, enqueue=False)
    return found


@pytest.fixture
def writer(people: People) -> Client:
    client = Client()
    client.force_login(people.writer)
    return client


def text(client: Client, path: str = PAGE) -> str:
    return client.get(path).content.decode()


def test_admin_adds_a_source_and_edits_and_removes_it(
    admin: Client, wiki: Collection, repository: Repository
) -> None:
    assert "Add a source" in text(admin)
    values = {"kind": "git", "location": str(repository.path), "every_minutes": "30"}
    assert admin.post(PAGE, values).status_code == 302
    found = Source.objects.get(collection=wiki)
    assert (found.state, found.every_minutes) == ("queued", 30)
    assert "Waits for a worker" in text(admin)
    edited = values | {"subfolder": "ops"} | kept(admin, PAGE)
    assert admin.post(PAGE, edited).status_code == 302
    found.refresh_from_db()
    assert found.subfolder == "ops"
    assert admin.post(reverse("remove_source", args=["wiki"])).status_code == 302
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"location": "/etc"}, "has to lie below SOURCE_ROOTS"),
        ({"location": "https://evil.org/x"}, "has to begin as one of SOURCE_URLS"),
        ({"location": "ext::sh -c id"}, "Give the whole path"),
        ({"branch": "--upload-pack=x"}, "cannot be a branch"),
        ({"subfolder": "../.."}, "Name a folder inside"),
        ({"every_minutes": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_what_to_do(
    admin: Client, wiki: Collection, repository: Repository, values: dict[str, str], told: str
) -> None:
    given = {"kind": "git", "location": str(repository.path), "every_minutes": "30"} | values
    response = admin.post(PAGE, given)
    assert response.status_code == 400
    assert told in response.content.decode()
    assert not Source.objects.exists()


def test_old_page_adds_no_source_over_that_of_a_colleague(
    admin: Client, wiki: Collection, repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    mine = {"kind": "folder", "location": str(tmp_path / "mine"), "every_minutes": "30"}
    old = mine | kept(admin, PAGE)
    services.add_source(
        collection=wiki, actor=None, kind="git", location=str(repository.path), enqueue=False
    )
    refused = admin.post(PAGE, old)
    assert refused.status_code == 400
    shown = refused.content.decode()
    assert "follows a source already" in shown
    assert str(tmp_path / "mine") in shown
    assert Source.objects.get().location == str(repository.path)


def test_old_page_saves_no_source_that_was_changed_or_removed_meanwhile(
    admin: Client, source: Source, tmp_path: Path
) -> None:
    values = {"kind": "git", "location": source.location, "every_minutes": "30"}
    old = values | kept(admin, PAGE)
    assert admin.post(PAGE, old | {"subfolder": "ops"}).status_code == 302
    refused = admin.post(PAGE, old)
    assert refused.status_code == 400
    assert ", folder ops, looked at every 30 minutes." in refused.content.decode()
    assert Source.objects.get().subfolder == "ops"
    services.remove_source(source=source, actor=None)
    refused = admin.post(PAGE, old)
    assert refused.status_code == 400
    assert "removed meanwhile" in refused.content.decode()
    assert not Source.objects.exists()
    assert admin.post(PAGE, values | kept(admin, PAGE)).status_code == 302


def test_page_says_when_nothing_may_be_followed(admin: Client, wiki: Collection) -> None:
    assert "Set SOURCE_ROOTS or SOURCE_URLS first" in text(admin)


def test_writer_sees_what_the_sync_did_and_syncs_but_does_not_edit(
    writer: Client, source: Source, repository: Repository
) -> None:
    shown = text(writer)
    assert "4 new, from the newest state alone: the first sync." in shown
    assert "What is followed" not in shown
    assert writer.post(PAGE, {"kind": "git"}).status_code == 403
    assert writer.post(reverse("sync_source", args=["wiki"])).status_code == 302
    source.refresh_from_db()
    assert source.state == "queued"
    assert "is being synced already" in text_after(writer, reverse("sync_source", args=["wiki"]))


def text_after(client: Client, path: str, **values: str) -> str:
    return client.post(path, values, follow=True).content.decode()


def test_question_is_shown_and_answered(
    writer: Client, people: People, source: Source, repository: Repository
) -> None:
    repository.git("rm", "--quiet", "berth-1.md", "berth-2.md")
    repository.commit("Half of it")
    services.request_sync(source=source, enqueue=False)
    sync(source.pk, enqueue=False)
    source.refresh_from_db()
    shown = text(writer)
    assert "2 of 4 documents are no longer in the source." in shown
    assert "<li>berth-1.md</li>" in shown
    assert "asks" in text(writer, "/docs/collections/")
    answer = reverse("answer_source", args=["wiki"])
    late = writer.post(answer, {"question": str(source.fence - 1), "archive": "yes"})
    assert (late.status_code, b"answered meanwhile" in late.content) == (400, True)
    told = text_after(writer, answer, question=str(source.fence), archive="yes")
    assert "2 documents will be archived" in told
    sync(source.pk, enqueue=False)
    assert Document.objects.filter(archived_at=None).count() == 2
    assert AuditEvent.objects.get(verb="confirmed the archiving").actor == people.writer


def test_failure_is_shown_with_the_next_time(writer: Client, source: Source) -> None:
    repository = Path(source.location)
    repository.rename(repository.with_name("gone"))
    services.request_sync(source=source, enqueue=False)
    sync(source.pk, enqueue=False)
    shown = text(writer)
    assert "There is no git repository at this place." in shown
    assert "It is tried again" in shown
    assert "failed" in text(writer, "/docs/collections/")


def test_versions_say_whose_commit_they_are_and_as_whose_word(
    writer: Client, source: Source, people: People
) -> None:
    document = Document.objects.get(path="berth-1.md")
    for page in (f"/docs/{document.slug}/", "/docs/"):
        shown = text(writer, page)
        assert ">Jane &amp; Sons</q>" in shown
    shown = text(writer, f"/docs/{document.slug}/")
    assert "As of: &lt;b&gt;Begin&lt;/b&gt;" in shown
    assert "<b>Begin" not in shown
    assert "the collection’s source" in shown
    assert "docportal synced" in shown


@pytest.mark.parametrize("question", ["9" * 5000, "", "one", "-1"])
def test_what_is_no_number_answers_no_question(
    writer: Client, source: Source, question: str
) -> None:
    told = writer.post(f"{PAGE}answer/", {"question": question, "archive": "yes"})
    assert told.status_code == 400
