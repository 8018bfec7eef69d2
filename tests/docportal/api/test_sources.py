from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.models import Collection, Document, Source
from ingestion.sources import services
from ingestion.sources.syncing import sync
from tests.docportal.api.callers import Caller, error_of
from tests.people import People
from tests.repositories import Repository, guide

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]


@pytest.fixture
def source(settings: Settings, tmp_path: Path, wiki: Collection) -> Source:
    settings.SOURCE_ROOTS = [str(tmp_path)]
    repository = Repository(tmp_path / "docs")
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    found = services.add_source(
        collection=wiki, actor=None, kind="git", location=str(repository.path), enqueue=False
    )
    assert sync(found.pk, enqueue=False)
    found.refresh_from_db()
    return found


def test_sources_are_listed_and_synced(writer: Caller, source: Source) -> None:
    (listed,) = writer.get("sources").json()["items"]
    assert (listed["collection"], listed["state"], listed["documents"]) == ("wiki", "idle", 1)
    assert (listed["commit"], listed["report"]["created"]) == (source.commit, 1)
    response = writer.post("collections/wiki/source/sync")
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    source.refresh_from_db()
    assert source.state == "queued"


def test_syncing_needs_the_scope_write(people: People, source: Source) -> None:
    reader = Caller(people.writer, scopes=["read"])
    assert reader.get("sources").status_code == 200
    assert error_of(reader.post("collections/wiki/source/sync"))[0] == 403


def test_collection_without_a_source_has_nothing_to_sync(writer: Caller, wiki: Collection) -> None:
    assert error_of(writer.post("collections/wiki/source/sync"))[0] == 404


def test_version_tells_its_commit(writer: Caller, source: Source) -> None:
    slug = Document.objects.get().slug
    version = writer.get(f"documents/{slug}/versions/1").json()
    assert version["commit"]["id"] == source.commit
    assert version["commit"]["author"] == "Jane Doe"
    assert version["commit"]["at"].startswith("2026-03-01T10:00:00")
    assert version["author"] is None
