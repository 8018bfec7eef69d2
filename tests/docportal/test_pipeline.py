from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.utils import timezone
from pytest_django import Settings

from docportal.pipeline import process_version, requeue_abandoned
from ingestion import services
from ingestion.jobs import QUIET_BEFORE_POKE
from ingestion.models import Collection, DocumentVersion
from tests.documents import fail, upload
from training import tasks
from training.models import QAPair

FEES = "# Quay fees\n\n| Fee | Price |\n|---|---|\n| Crane | 90 EUR |\n| Berth | 230 EUR |\n"


@pytest.mark.models
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("home")
def test_version_is_searchable_before_its_pairs_are_made(
    wiki: Collection, settings: Settings, embedding_server: str
) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    version = upload(wiki, "fees.md", FEES)
    with messages() as sent:
        process_version(version.pk)
    version.refresh_from_db()
    assert version.is_served
    assert not QAPair.objects.exists()
    assert sent == [("training.tasks.mine_version", (version.pk,))]
    tasks.mine_version(version.pk)
    assert QAPair.objects.trainable().exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("home")
def test_what_waits_in_the_queue_is_sent_again_only_when_its_message_must_be_lost(
    wiki: Collection,
) -> None:
    long_ago = timezone.now() - 2 * QUIET_BEFORE_POKE
    waiting = [queued(wiki, f"{number}.md", long_ago) for number in range(3)]
    told = [("docportal.pipeline.process_version", (pk,)) for pk in waiting]
    with messages() as sent:
        for _sweep in range(5):
            requeue_abandoned()
        assert sent == told
        DocumentVersion.objects.update(poked_at=long_ago)
        requeue_abandoned()
    assert sent == told * 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("home")
def test_sweep_that_waited_in_a_long_queue_is_not_made() -> None:
    """Behind it stands what was sent before the last half minute: it would take that for lost."""
    expiries: list[timedelta] = []

    def note(headers: dict[str, Any], **_: object) -> None:
        expiries.append(datetime.fromisoformat(headers["expires"]) - timezone.now())

    before_task_publish.connect(note)
    requeue_abandoned.delay()
    before_task_publish.disconnect(note)
    assert [expiry < QUIET_BEFORE_POKE for expiry in expiries] == [True]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("home")
def test_message_that_comes_twice_asks_for_nothing_more(wiki: Collection) -> None:
    version = fail(wiki, "fees.pdf", "Only pictures.")
    with messages() as sent:
        process_version(version.pk)
    assert sent == []


def queued(wiki: Collection, path: str, since: datetime) -> int:
    version = services.add_version(
        collection=wiki, path=path, content=BytesIO(path.encode()), author=None, enqueue=False
    ).version
    DocumentVersion.objects.filter(pk=version.pk).update(poked_at=since)
    return version.pk


@contextmanager
def messages() -> Iterator[list[tuple[str, tuple[int, ...]]]]:
    """Task and arguments of those that are sent within."""
    sent: list[tuple[str, tuple[int, ...]]] = []

    def note(sender: str, body: tuple[Any, ...], **_: object) -> None:
        sent.append((sender, tuple(body[0])))

    before_task_publish.connect(note)
    try:
        yield sent
    finally:
        before_task_publish.disconnect(note)
