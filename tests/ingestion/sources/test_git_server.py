"""A repository on a server that wants a name and a token."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.models import AuditEvent, Document, DocumentVersion, Source
from ingestion.sources import services
from tests.git_server import TOKEN, USER, Handler, git_server
from tests.ingestion.sources.conftest import Again, Follow
from tests.repositories import Repository, guide

pytestmark = pytest.mark.django_db(transaction=True)

Server = tuple[str, type[Handler]]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = Repository(tmp_path / "server" / "docs")
    found.write("pier.md", guide("pier"))
    found.commit("Begin")
    return found


@pytest.fixture
def server(repository: Repository, settings: Settings) -> Iterator[Server]:
    with git_server(repository.path.parent) as served:
        settings.SOURCE_URLS = [f"{served[0]}/docs/"]
        yield served


@pytest.fixture
def credentials(server: Server, settings: Settings, tmp_path: Path) -> Path:
    file = tmp_path / "it's a file"
    file.write_text(f"{server[0].replace('://', f'://{USER}:{TOKEN}@')}\n")
    settings.SOURCE_CREDENTIALS = str(file)
    return file


def test_token_of_the_file_opens_the_repository(
    server: Server, credentials: Path, repository: Repository, follow: Follow, again: Again
) -> None:
    source = follow(f"{server[0]}/docs/.git")
    assert source.failure == ""
    for hour in (20, 22):
        repository.write("pier.md", guide("pier", f"It closes at {hour}."))
        repository.commit(f"Close at {hour}")
    source = again(source)
    assert (source.failure, source.report["commits"]) == ("", 2)
    assert DocumentVersion.objects.count() == 3


def test_refused_token_is_told_kept_and_stands_nowhere(
    server: Server,
    credentials: Path,
    follow: Follow,
    home: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wrong = credentials.read_text().replace(TOKEN, "wr0ng-t0ken")
    credentials.write_text(wrong)
    source = follow(f"{server[0]}/docs/.git")
    assert source.failure.startswith("The server does not let the portal in.")
    assert credentials.read_text() == wrong
    said = [caplog.text, str(Source.objects.values()), str(AuditEvent.objects.values())]
    kept = [
        file.read_text(errors="replace") for file in home.rglob("sources/**/*") if file.is_file()
    ]
    assert not any("wr0ng-t0ken" in text for text in said + kept)


def test_without_a_token_nobody_is_asked_for_one(server: Server, follow: Follow) -> None:
    assert follow(f"{server[0]}/docs/.git").failure.startswith("The server does not let")


def test_server_sends_nobody_elsewhere(
    server: Server, credentials: Path, follow: Follow, tmp_path: Path
) -> None:
    secret = Repository(tmp_path / "inside" / "docs")
    secret.write("secret.md", guide("secret"))
    secret.commit("Secret")
    with git_server(secret.path.parent) as (inside, asked):
        server[1].elsewhere = inside
        source = follow(f"{server[0]}/docs/.git")
        assert source.failure != ""
        assert asked.asked == []
    assert not Document.objects.exists()


def test_address_that_is_no_longer_allowed_is_not_asked(
    server: Server, credentials: Path, follow: Follow, again: Again, settings: Settings
) -> None:
    source = follow(f"{server[0]}/docs/.git")
    settings.SOURCE_URLS = []
    server[1].asked.clear()
    assert "SOURCE_URLS" in again(source).failure
    assert server[1].asked == []


def test_silent_server_is_told(server: Server, follow: Follow, settings: Settings) -> None:
    settings.SOURCE_URLS = ["http://127.0.0.1:9/"]
    assert follow("http://127.0.0.1:9/docs").failure.startswith("The server of the repository")
    assert services.request_sync(source=Source.objects.get(), enqueue=False)
