"""`manage.py sync`, and the worker's tasks."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from docportal import bulk
from docportal.syncing import sync_due, sync_source
from ingestion import jobs
from ingestion.models import Collection, DocumentVersion, Source
from ingestion.sources import services
from ingestion.sources.git import mirrors_folder
from router import retrieval
from tests.repositories import Repository, guide

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]


@pytest.fixture
def repository(settings: Settings, tmp_path: Path) -> Repository:
    settings.SOURCE_ROOTS = [str(tmp_path)]
    found = Repository(tmp_path / "docs")
    found.write("pier.md", guide("pier", "The north ramp opens at 05:40."))
    found.commit("Begin")
    return found


@pytest.fixture
def source(repository: Repository, wiki: Collection) -> Source:
    return services.add_source(
        collection=wiki, actor=None, kind="git", location=str(repository.path), enqueue=False
    )


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(settings: Settings, embedding_server: str) -> Run:
    settings.EMBEDDINGS_URL = embedding_server

    def command(*options: str) -> dict[str, Any]:
        out = io.StringIO()
        try:
            call_command("sync", "--json", *options, stdout=out)
        except SystemExit as ended:
            return {**json.loads(out.getvalue()), "code": ended.code}
        return {**json.loads(out.getvalue()), "code": 0}

    return command


@pytest.mark.models
def test_command_syncs_and_makes_searchable(
    source: Source, repository: Repository, run: Run
) -> None:
    (told,) = run()["sources"]
    assert (told["collection"], told["outcome"], told["created"]) == ("wiki", "synced", 1)
    assert (told["waiting"], told["waiting_for"]) == (0, "")
    assert "05:40" in retrieval.search("north ramp", user=None, limit=1).hits[0].chunk.text
    for hour in ("06:10", "06:20"):
        repository.write("pier.md", guide("pier", f"The north ramp opens at {hour}."))
        repository.commit(f"Open at {hour}")
    (told,) = run("--collection", "Wiki")["sources"]
    assert (told["updated"], told["commits"], told["commit"]) == (2, 2, repository.head)
    hits = retrieval.search("north ramp", user=None, limit=5).hits
    assert "06:20" in hits[0].chunk.text
    assert not any("05:40" in hit.chunk.text for hit in hits)


@pytest.mark.models
def test_command_that_failed_or_asks_ends_with_1(
    source: Source, repository: Repository, run: Run
) -> None:
    run()
    repository.git("rm", "--quiet", "pier.md")
    repository.commit("Nothing left")
    asked = run()
    assert (asked["code"], asked["sources"][0]["outcome"], asked["sources"][0]["asked"]) == (
        1,
        "asking",
        1,
    )
    repository.path.rename(repository.path.with_name("gone"))
    failed = run()
    assert (failed["code"], failed["sources"][0]["outcome"]) == (1, "failed")
    assert failed["sources"][0]["reason"] == "There is no git repository at this place."


@pytest.mark.parametrize("form", ["json", "text"])
def test_command_whose_versions_wait_says_how_many_and_what_to_do(
    source: Source, repository: Repository, settings: Settings, form: str
) -> None:
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    repository.write("quay.md", guide("quay", "The quay opens at 06:40."))
    repository.commit("Add the quay")
    out = io.StringIO()
    with pytest.raises(SystemExit) as raised:
        call_command("sync", *(["--json"] if form == "json" else []), stdout=out)
    assert raised.value.code == 1
    assert "The embedding server does not answer." in out.getvalue()
    if form == "json":
        told = json.loads(out.getvalue())
        (one,) = told["sources"]
        assert (one["outcome"], one["created"], one["waiting"], told["waiting"]) == (
            *("synced", 2),
            *(2, 2),
        )
    else:
        assert "  Versions that wait and are not searchable: 2. The" in out.getvalue()
        assert "run `manage.py sync` again" in out.getvalue()


def test_command_tells_what_another_process_has(
    source: Source, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    monkeypatch.setattr(bulk, "LONGEST_WAIT", 0.0)
    sync_source(source.pk)
    assert jobs.claim(DocumentVersion.objects.get().pk)
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("sync", "--json", stdout=out)
    (told,) = json.loads(out.getvalue())["sources"]
    assert told["waiting"] == 1
    assert told["waiting_for"].startswith("Another process still works on them.")


def test_collection_without_a_source_is_wrong_use(wiki: Collection) -> None:
    with pytest.raises(CommandError, match="No collection 'wiki' follows a source") as raised:
        call_command("sync", "--collection", "wiki")
    assert raised.value.returncode == 2


def test_schedule_pokes_what_is_due_and_forgets_what_is_gone(source: Source) -> None:
    sent: list[tuple[str, object]] = []

    def note(sender: str, body: tuple[object, ...], **_: object) -> None:
        sent.append((sender, body[0]))

    before_task_publish.connect(note)
    try:
        sync_due()
        sync_source(source.pk)
        sync_source(source.pk)
        sync_due()
        Source.objects.update(next_at=timezone.now())
        sync_due()
    finally:
        before_task_publish.disconnect(note)
    version = DocumentVersion.objects.get()
    assert sent == [
        ("docportal.syncing.sync_source", (source.pk,)),
        ("docportal.pipeline.process_version", (version.pk,)),
        ("docportal.syncing.sync_source", (source.pk,)),
    ]
    assert (mirrors_folder() / f"{source.pk}.git").is_dir()
    notes = mirrors_folder() / "2026.git.txt"
    notes.write_text("of somebody who looked around here")
    services.remove_source(source=source, actor=None)
    sync_due()
    assert list(mirrors_folder().iterdir()) == [notes]


def test_mirror_of_what_follows_a_folder_by_now_is_removed(
    source: Source, tmp_path: Path, wiki: Collection
) -> None:
    sync_source(source.pk)
    assert (mirrors_folder() / f"{source.pk}.git").is_dir()
    services.edit_source(
        source=source,
        actor=None,
        kind="folder",
        location=str(tmp_path),
        branch="",
        subfolder="",
        every_minutes=60,
    )
    sync_due()
    assert list(mirrors_folder().iterdir()) == []
