import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ingestion import jobs, publication, services
from ingestion.chunking import ChunkDraft, ChunkKind, chunk
from ingestion.elements import Element, ElementKind, ParsedDocument
from ingestion.leases import LeaseLost
from ingestion.models import Chunk, Collection, DocumentVersion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

DRAFT = ChunkDraft(ChunkKind.PROSE, ("Guide",), None, "", "Some text.", 3, "0" * 64)


@pytest.fixture
def version(wiki: Collection) -> DocumentVersion:
    return services.add_version(
        collection=wiki, path="guide.md", content=io.BytesIO(b"x"), author=None, enqueue=False
    ).version


def expire_lease(version: DocumentVersion) -> None:
    past = timezone.now() - timedelta(seconds=1)
    DocumentVersion.objects.filter(pk=version.pk).update(lease_until=past)


def test_code_is_stored_whatever_its_language_is_called(version: DocumentVersion) -> None:
    job = jobs.claim(version.pk)
    assert job is not None
    names = ("pump-house/orders.of-the-night-shift.yml", "x" * 30, "yaml", "")
    blocks = tuple(Element(ElementKind.CODE, "halt: now", language=name) for name in names)
    jobs.save_chunks(job, "Guide", chunk(ParsedDocument("Guide", blocks), count_tokens=len))
    stored = version.chunks.order_by("position").values_list("language", flat=True)
    assert list(stored) == ["pump-house/orders.of-the-night", "x" * 30, "yaml", ""]


def test_only_one_worker_gets_the_claim(version: DocumentVersion) -> None:
    assert jobs.claim(version.pk) is not None
    assert jobs.claim(version.pk) is None


def test_worker_that_lost_its_lease_can_write_nothing(version: DocumentVersion) -> None:
    lost = jobs.claim(version.pk)
    expire_lease(version)
    holder = jobs.claim(version.pk)
    assert lost is not None
    assert holder is not None
    writes: list[Callable[[], None]] = [
        lambda: jobs.save_chunks(lost, "Guide", [DRAFT]),
        lambda: jobs.finish(lost),
        lambda: jobs.fail(lost, "damaged", "Damaged."),
    ]
    for write in writes:
        with pytest.raises(LeaseLost), transaction.atomic():
            write()
    assert not Chunk.objects.exists()
    jobs.save_chunks(holder, "Guide", [DRAFT])
    jobs.finish(holder)
    version.refresh_from_db()
    assert version.is_served


def test_next_worker_goes_on_where_the_chunks_are_stored(version: DocumentVersion) -> None:
    first = jobs.claim(version.pk)
    assert first is not None
    jobs.save_chunks(first, "Guide", [DRAFT])
    expire_lease(version)
    second = jobs.claim(version.pk)
    assert second is not None
    assert second.version.state == DocumentVersion.State.INDEXING


def test_version_that_stops_every_worker_is_set_aside(version: DocumentVersion) -> None:
    for _attempt in range(jobs.MAX_ATTEMPTS):
        assert jobs.claim(version.pk) is not None
        expire_lease(version)
    assert jobs.claim(version.pk) is None
    version.refresh_from_db()
    assert (version.state, version.failure_id) == ("failed", "interrupted")


def test_waiting_for_a_service_is_no_attempt(version: DocumentVersion) -> None:
    for _round in range(jobs.MAX_ATTEMPTS + 2):
        job = jobs.claim(version.pk)
        assert job is not None
        with jobs.lease_kept(job):
            jobs.put_back(job)


def test_abandoned_work_is_found_and_work_in_hand_is_not(
    version: DocumentVersion, wiki: Collection
) -> None:
    assert jobs.take_abandoned() == []
    job = jobs.claim(version.pk)
    assert job is not None
    assert jobs.take_abandoned() == []
    expire_lease(version)
    assert jobs.take_abandoned() == [version.pk]


@pytest.mark.parametrize("away", [-1.5, 1.5], ids=["long ago", "by a wrong clock in the future"])
def test_version_whose_message_must_be_lost_is_taken_once(
    version: DocumentVersion, away: float
) -> None:
    sent = timezone.now() + away * jobs.QUIET_BEFORE_POKE
    DocumentVersion.objects.filter(pk=version.pk).update(poked_at=sent)
    assert jobs.take_abandoned() == [version.pk]
    assert jobs.take_abandoned() == []


def test_version_that_is_retried_has_a_message(version: DocumentVersion) -> None:
    job = jobs.claim(version.pk)
    assert job is not None
    jobs.fail(job, "damaged", "Damaged.")
    services.retry_version(version=version, actor=None)
    assert jobs.take_abandoned() == []


def test_revisions_count_every_change_of_what_is_served(version: DocumentVersion) -> None:
    assert publication.current_revision() == 0
    job = jobs.claim(version.pk)
    assert job is not None
    jobs.save_chunks(job, "Guide", [DRAFT])
    jobs.finish(job)
    services.archive_document(document=version.document, actor=None)
    services.unarchive_document(document=version.document, actor=None)
    assert publication.current_revision() == 3
    version.refresh_from_db()
    assert (version.published_revision, version.withdrawn_revision) == (3, None)


def test_database_refuses_two_served_versions_of_a_document(version: DocumentVersion) -> None:
    DocumentVersion.objects.filter(pk=version.pk).update(state="ready", published_revision=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        DocumentVersion.objects.create(
            document=version.document,
            number=2,
            sha256="1" * 64,
            size=1,
            media_type="text/markdown",
            state="ready",
            published_revision=2,
        )


def test_database_refuses_to_serve_what_is_not_ready(version: DocumentVersion) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        DocumentVersion.objects.filter(pk=version.pk).update(published_revision=1)


def test_database_refuses_a_failure_without_a_reason(version: DocumentVersion) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        DocumentVersion.objects.filter(pk=version.pk).update(state="failed")


def test_version_that_failed_after_it_was_read_can_be_retried(version: DocumentVersion) -> None:
    job = jobs.claim(version.pk)
    assert job is not None
    jobs.save_chunks(job, "Guide", [DRAFT, DRAFT])
    jobs.fail(job, "interrupted", "Processing stopped three times.")
    version.refresh_from_db()
    services.retry_version(version=version, actor=None, enqueue=False)
    job = jobs.claim(version.pk)
    assert job is not None
    jobs.save_chunks(job, "Guide", [DRAFT])
    version.refresh_from_db()
    assert version.chunk_count == version.chunks.count() == 1
