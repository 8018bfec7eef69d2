import itertools
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from ingestion.errors import UserError
from ingestion.leases import LeaseLost
from ingestion.models import AuditEvent, Collection, Document, Source, SourceFile
from ingestion.sources import jobs, services
from ingestion.sources.syncing import sync
from tests.ingestion.interleaving import interleave
from tests.ingestion.sources.conftest import Follow
from tests.people import People
from tests.repositories import Repository, guide

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source(repository: Repository, follow: Follow) -> Source:
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    return follow(repository.path)


def test_source_is_due_by_its_interval_alone(source: Source) -> None:
    assert jobs.due() == []
    assert not sync(source.pk)
    Source.objects.update(next_at=timezone.now())
    assert jobs.due() == [source.pk]
    assert sync(source.pk, enqueue=False)
    source.refresh_from_db()
    assert source.next_at is not None
    assert source.next_at > timezone.now() + timedelta(minutes=59)


def test_one_of_two_workers_has_it(source: Source) -> None:
    services.request_sync(source=source, enqueue=False)
    first = jobs.claim(source.pk)
    assert first is not None
    assert jobs.claim(source.pk) is None
    assert jobs.due() == []
    Source.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.due() == [source.pk]
    assert jobs.claim(source.pk) is not None
    writes: list[Callable[[], None]] = [
        lambda: jobs.hold(first),
        lambda: jobs.reach(first, "0" * 40),
        lambda: jobs.ask(first, []),
        lambda: jobs.fail(first, "x"),
        lambda: jobs.finish(first, {}, changed=True),
    ]
    for write in writes:
        with pytest.raises(LeaseLost):
            write()


def test_source_that_kills_its_workers_is_left_until_the_next_time(source: Source) -> None:
    services.request_sync(source=source, enqueue=False)
    for _attempt in range(jobs.MAX_ATTEMPTS):
        assert jobs.claim(source.pk)
        Source.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.claim(source.pk) is None
    source.refresh_from_db()
    assert (source.state, source.attempts) == ("idle", 0)
    assert source.failure.startswith("The sync stopped three times")


def test_collection_follows_one_source(
    source: Source, wiki: Collection, people: People, repository: Repository
) -> None:
    with pytest.raises(UserError, match="follows a source already"):
        services.add_source(
            collection=wiki, actor=people.admin, kind="git", location=str(repository.path)
        )
    assert Source.objects.count() == 1


def test_verbs_are_written_down(
    wiki: Collection, people: People, repository: Repository, home: object
) -> None:
    place: dict[str, Any] = {
        "kind": "git",
        "location": str(repository.path),
        "branch": "",
        "subfolder": "",
    }
    source = services.add_source(collection=wiki, actor=people.admin, enqueue=False, **place)
    place["branch"] = "next"
    services.edit_source(source=source, actor=people.admin, every_minutes=5, **place)
    services.remove_source(source=source, actor=people.admin)
    events = AuditEvent.objects.filter(collection=wiki, actor=people.admin).order_by("pk")
    assert [event.verb for event in events] == [
        "added the source",
        "edited the source",
        "removed the source",
    ]
    with pytest.raises(UserError, match="removed meanwhile"):
        services.remove_source(source=source, actor=people.admin)


def test_edited_place_ends_the_sync_that_is_under_way(
    source: Source, repository: Repository
) -> None:
    services.request_sync(source=source, enqueue=False)
    job = jobs.claim(source.pk)
    assert job is not None
    place: dict[str, Any] = {
        "kind": "git",
        "location": str(repository.path),
        "branch": "",
        "subfolder": "",
    }
    services.edit_source(source=source, actor=None, every_minutes=5, **place)
    jobs.hold(job)
    place["subfolder"] = "docs"
    services.edit_source(source=source, actor=None, every_minutes=5, **place)
    with pytest.raises(LeaseLost):
        jobs.hold(job)
    source.refresh_from_db()
    assert (source.state, source.commit, source.every_minutes) == ("queued", "", 5)


def test_interval_that_is_edited_during_a_sync_holds_from_its_end_on(
    source: Source, repository: Repository
) -> None:
    services.request_sync(source=source, enqueue=False)
    job = jobs.claim(source.pk)
    assert job is not None
    services.edit_source(
        source=source,
        actor=None,
        kind="git",
        location=str(repository.path),
        branch="",
        subfolder="",
        every_minutes=5,
    )
    jobs.finish(job, {}, changed=False)
    source.refresh_from_db()
    assert source.looked_at is not None
    assert source.next_at == source.looked_at + timedelta(minutes=5)


def test_removed_source_leaves_its_documents(source: Source) -> None:
    services.request_sync(source=source, enqueue=False)
    job = jobs.claim(source.pk)
    assert job is not None
    services.remove_source(source=source, actor=None)
    with pytest.raises(LeaseLost):
        jobs.hold(job)
    assert Document.objects.get().archived_at is None


def test_source_is_removed_whatever_a_sync_takes_at_once(
    wiki: Collection, repository: Repository, home: object
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    for place in itertools.count():
        source = services.add_source(
            collection=wiki, actor=None, kind="git", location=str(repository.path), enqueue=False
        )
        remove = partial(services.remove_source, source=source, actor=None)
        is_within = interleave(remove, partial(sync, source.pk, enqueue=False), place)
        assert not Source.objects.exists(), f"before statement {place}"
        assert not SourceFile.objects.exists()
        if not is_within:
            break
