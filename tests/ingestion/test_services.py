import io
import itertools
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion import jobs, publication, services
from ingestion.chunking import ChunkDraft, ChunkKind
from ingestion.errors import UploadError, UserError
from ingestion.models import AuditEvent, Collection, Document, DocumentVersion
from ingestion.storage import original_path
from tests.ingestion.interleaving import Verb, interleave
from tests.people import People

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def upload(collection: Collection, content: bytes, path: str = "a/guide.md") -> services.Change:
    return services.add_version(
        collection=collection, path=path, content=io.BytesIO(content), author=None, enqueue=False
    )


def serve(version: DocumentVersion) -> None:
    """Take a version to `ready` as a worker does, with one chunk."""
    jobs.finish(indexed(version))


def indexed(version: DocumentVersion) -> jobs.Claim:
    job = jobs.claim(version.pk)
    assert job is not None
    draft = ChunkDraft(ChunkKind.PROSE, ("Guide",), None, "", "Some text.", 3, "0" * 64)
    jobs.save_chunks(job, "Guide", [draft])
    return job


def served_number(document: Document) -> int | None:
    return document.versions.served().values_list("number", flat=True).first()


def test_new_path_makes_a_document_with_its_first_version(wiki: Collection) -> None:
    change = upload(wiki, b"# Guide")
    assert change.kind == "created"
    assert (change.version.number, change.version.state) == (1, "queued")
    assert original_path(change.version.sha256).read_bytes() == b"# Guide"


def test_same_bytes_change_nothing(wiki: Collection) -> None:
    upload(wiki, b"# Guide")
    again = upload(wiki, b"# Guide")
    assert again.kind == "unchanged"
    assert DocumentVersion.objects.count() == 1


def test_bytes_of_an_older_version_are_a_new_version(wiki: Collection) -> None:
    for content in (b"one", b"two", b"one"):
        last = upload(wiki, content)
    assert (last.kind, last.version.number) == ("updated", 3)


def test_old_version_serves_until_the_new_one_is_ready(wiki: Collection) -> None:
    first = upload(wiki, b"one").version
    serve(first)
    second = upload(wiki, b"two").version
    assert served_number(first.document) == 1
    job = jobs.claim(second.pk)
    assert job is not None
    jobs.fail(job, "damaged", "The file is damaged. Export it again.")
    assert served_number(first.document) == 1
    third = upload(wiki, b"three").version
    serve(third)
    assert served_number(first.document) == 3


def test_version_that_finishes_late_does_not_replace_a_newer_one(wiki: Collection) -> None:
    first, second = upload(wiki, b"one").version, upload(wiki, b"two").version
    serve(second)
    revision = publication.current_revision()
    serve(first)
    first.refresh_from_db()
    assert (first.state, served_number(first.document)) == ("ready", 2)
    assert publication.current_revision() == revision


def test_same_bytes_try_a_failed_version_again(wiki: Collection) -> None:
    version = upload(wiki, b"one").version
    job = jobs.claim(version.pk)
    assert job is not None
    jobs.fail(job, "too-slow", "It took too long.")
    assert upload(wiki, b"one").kind == "updated"
    version.refresh_from_db()
    assert (version.state, version.failure_reason, version.attempts) == ("queued", "", 0)


def test_same_bytes_bring_back_an_archived_document_whose_newest_version_failed(
    wiki: Collection,
) -> None:
    first = upload(wiki, b"one").version
    serve(first)
    job = jobs.claim(upload(wiki, b"two").version.pk)
    assert job is not None
    jobs.fail(job, "too-slow", "It took too long.")
    services.archive_document(document=first.document, actor=None)
    change = upload(wiki, b"two")
    assert (change.kind, change.version.state) == ("updated", "queued")
    assert served_number(first.document) == 1
    serve(change.version)
    assert served_number(first.document) == 2


def test_archive_and_bring_back(wiki: Collection, people: People) -> None:
    version = upload(wiki, b"one").version
    serve(version)
    services.archive_document(document=version.document, actor=people.writer)
    assert served_number(version.document) is None
    services.unarchive_document(document=version.document, actor=people.writer)
    assert served_number(version.document) == 1
    verbs = AuditEvent.objects.filter(actor=people.writer).values_list("verb", flat=True)
    assert sorted(verbs) == ["archived", "brought back"]


def test_version_that_finishes_while_its_document_is_archived_is_not_served(
    wiki: Collection,
) -> None:
    version = upload(wiki, b"one").version
    services.archive_document(document=version.document, actor=None)
    serve(version)
    assert served_number(version.document) is None
    services.unarchive_document(document=version.document, actor=None)
    assert served_number(version.document) == 1


def test_uploading_to_an_archived_document_brings_it_back(wiki: Collection) -> None:
    version = upload(wiki, b"one").version
    services.archive_document(document=version.document, actor=None)
    change = upload(wiki, b"two")
    assert change.version.document_id == version.document_id
    serve(change.version)
    assert served_number(version.document) == 2


def archived_and_published(collection: Collection, path: str) -> tuple[Document, Verb, Verb]:
    job = indexed(upload(collection, b"one", path).version)
    document = job.version.document
    archive = partial(services.archive_document, document=document, actor=None)
    return document, archive, partial(jobs.finish, job)


def archived_and_replaced(collection: Collection, path: str) -> tuple[Document, Verb, Verb]:
    serve(upload(collection, b"one", path).version)
    job = indexed(upload(collection, b"two", path).version)
    document = job.version.document
    archive = partial(services.archive_document, document=document, actor=None)
    return document, archive, partial(jobs.finish, job)


def brought_back_and_replaced(collection: Collection, path: str) -> tuple[Document, Verb, Verb]:
    document, archive, finish = archived_and_replaced(collection, path)
    archive()
    return document, partial(services.unarchive_document, document=document, actor=None), finish


def brought_back_and_uploaded(collection: Collection, path: str) -> tuple[Document, Verb, Verb]:
    version = upload(collection, b"one", path).version
    serve(version)
    services.archive_document(document=version.document, actor=None)
    bring_back = partial(services.unarchive_document, document=version.document, actor=None)
    return version.document, bring_back, partial(upload, collection, b"one", path)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_turned", [False, True], ids=["", "turned"])
@pytest.mark.parametrize(
    "prepared",
    [
        archived_and_published,
        archived_and_replaced,
        brought_back_and_replaced,
        brought_back_and_uploaded,
    ],
)
def test_newest_version_is_served_unless_archived_whatever_happens_at_once(
    wiki: Collection,
    prepared: Callable[[Collection, str], tuple[Document, Verb, Verb]],
    is_turned: bool,
) -> None:
    for place in itertools.count():
        document, *verbs = prepared(wiki, f"guide-{place}.md")
        first, second = reversed(verbs) if is_turned else verbs
        is_within = interleave(first, second, place)
        document.refresh_from_db()
        newest = document.versions.filter(state="ready").order_by("-number")[0]
        assert newest.number == document.versions.count()
        expected = newest.number if document.archived_at is None else None
        assert served_number(document) == expected, f"before statement {place}"
        if not is_within:
            break


def test_restore_is_a_new_version_of_the_old_bytes(wiki: Collection, people: People) -> None:
    first = upload(wiki, b"one").version
    upload(wiki, b"two")
    restored = services.restore_version(version=first, actor=people.writer)
    assert (restored.number, restored.sha256, restored.note) == (3, first.sha256, "Restores v1")


def test_restore_brings_an_archived_document_back(wiki: Collection, people: People) -> None:
    first = upload(wiki, b"one").version
    services.archive_document(document=first.document, actor=people.writer)
    restored = services.restore_version(version=first, actor=people.writer)
    serve(restored)
    assert served_number(first.document) == 2
    told = AuditEvent.objects.order_by("pk").values_list("verb", flat=True)
    assert list(told) == ["uploaded", "archived", "brought back", "restored"]


def test_retry_is_only_for_what_failed(wiki: Collection) -> None:
    version = upload(wiki, b"one").version
    with pytest.raises(UserError, match="did not fail"):
        services.retry_version(version=version, actor=None)


@pytest.mark.parametrize("path", ["../secret.md", "a/../../b.md", "", "/", "a\x00b.md", "x" * 600])
def test_unusable_paths_are_refused(wiki: Collection, path: str) -> None:
    with pytest.raises(UploadError):
        upload(wiki, b"text", path=path)
    assert not Document.objects.exists()


def test_name_of_a_file_may_be_as_long_as_a_path(wiki: Collection) -> None:
    document = upload(wiki, b"text", path=f"{'x' * 497}.md").version.document
    document.full_clean()
    assert document.title == "x" * 300


def test_folder_that_is_new_is_on_the_disk_with_its_file(
    wiki: Collection, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, to_disk = list[int](), os.fsync

    def note(descriptor: int) -> None:
        written.append(os.fstat(descriptor).st_ino)
        to_disk(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    original = original_path(upload(wiki, b"one").version.sha256)
    folders = (original.parent.parent, original.parent)
    assert {path.stat().st_ino for path in (*folders, original)} == set(written)


def test_unsupported_type_is_refused_with_what_is_supported(wiki: Collection) -> None:
    with pytest.raises(UploadError, match=r"\.pdf"):
        upload(wiki, b"text", path="tool.exe")


def test_too_many_bytes_leave_nothing_behind(
    wiki: Collection, settings: Settings, home: Path
) -> None:
    settings.UPLOAD_MAX_BYTES = 10
    with pytest.raises(UploadError, match="larger than"):
        upload(wiki, b"x" * 11)
    assert not Document.objects.exists()
    assert [path for path in (home / "files").rglob("*") if path.is_file()] == []


def test_collection_names_are_unique(wiki: Collection, people: People) -> None:
    with pytest.raises(UserError, match="taken"):
        services.create_collection(actor=people.admin, name="wiki")


@pytest.mark.parametrize("name", ["Документы", "文档", "Εγχειρίδια"])
def test_collection_may_be_named_in_any_alphabet(
    wiki: Collection, people: People, name: str
) -> None:
    collection = services.create_collection(actor=people.admin, name=name)
    collection.full_clean()
    assert collection.name == name
    other = services.create_collection(actor=people.admin, name=f"{name}{name}")
    assert other.slug != collection.slug
    with pytest.raises(UserError, match="taken"):
        services.create_collection(actor=people.admin, name=name)


@pytest.mark.parametrize("name", ["", " ", "—", "?!", "++"])
def test_collection_without_a_letter_in_its_name_is_refused(people: People, name: str) -> None:
    with pytest.raises(UserError, match="letters or digits"):
        services.create_collection(actor=people.admin, name=name)


def test_equal_paths_of_two_collections_have_addresses_that_tell_nothing_of_each_other(
    wiki: Collection, vault: Collection
) -> None:
    first = upload(wiki, b"one").version.document
    second = upload(vault, b"one").version.document
    assert first.slug != second.slug
    assert first.slug.startswith("a-guide-")
    assert not second.slug.endswith("-2")
