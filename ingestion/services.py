"""What people do with documents. Each verb is one transaction, that of an archive one for each
file, and records who did it.

What is left to do afterwards stands in the rows (`queued`); the message to a worker, sent on
commit, is only a poke that may be lost or doubled.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Literal

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from ingestion import archives, publication
from ingestion.audit import Actor, record
from ingestion.commits import AUTHOR_LENGTH, Commit, plain
from ingestion.errors import UploadError, UserError
from ingestion.models import Collection, DocType, Document, DocumentVersion
from ingestion.paths import (
    clean_path,
    collection_slug,
    digested_slug,
    document_slug,
    is_address,
    title_of,
)
from ingestion.pokes import poke
from ingestion.seen import digest, require_seen
from ingestion.sniffing import media_type_by_name
from ingestion.storage import StoredFile, keep_original

PROCESS_TASK = "docportal.pipeline.process_version"


@dataclass(frozen=True, slots=True)
class Change:
    """What an upload did. `version` is the document's newest one in every case."""

    kind: Literal["created", "updated", "unchanged"]
    version: DocumentVersion


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file of an archive that was not kept, and why."""

    path: str
    reason: str


def add_version(
    *,
    collection: Collection,
    path: str,
    content: BinaryIO,
    author: Actor,
    note: str = "",
    doc_type: str = "",
    enqueue: bool = True,
) -> Change:
    """Keep a file as the newest version of the document at `path`.

    The same bytes as the newest version change nothing, except that they bring an archived
    document back and try a failed one again. Raises `UploadError` before anything is stored in
    the database. `enqueue=False` leaves the processing to the caller.
    """
    path = clean_path(path)
    media_type_by_name(path)
    return add_stored(
        collection=collection,
        path=path,
        stored=keep_original(content),
        author=author,
        note=note,
        doc_type=doc_type,
        enqueue=enqueue,
    )


def add_stored(
    *,
    collection: Collection,
    path: str,
    stored: StoredFile,
    author: Actor = None,
    note: str = "",
    doc_type: str = "",
    commit: Commit | None = None,
    verb: str = "uploaded",
    enqueue: bool = True,
) -> Change:
    """The same for bytes that are kept already, at a clean path of a kind that is read."""
    with transaction.atomic():
        document, created = Document.objects.select_for_update().get_or_create(
            collection=collection,
            path=path,
            defaults=_new_document(collection, path, author, doc_type),
        )
        newest = document.versions.order_by("-number").first()
        if newest is not None and newest.sha256 == stored.sha256:
            return _same_bytes(document, newest, author, enqueue=enqueue)
        version = _append_version(document, stored, author, note, commit)
        subject = note.partition("\n")[0]
        record(author, verb, document=document, detail=f"v{version.number} {subject}".strip())
        if enqueue:
            poke(PROCESS_TASK, version.pk)
    return Change("created" if created else "updated", version)


def _new_document(
    collection: Collection, path: str, author: Actor, doc_type: str
) -> dict[str, object]:
    doc_type = doc_type or collection.default_doc_type
    return {
        "slug": document_slug(collection.slug, path),
        "title": title_of(path)[:300],
        "owner": author,
        "doc_type": doc_type or DocType.OTHER,
        "doc_type_guessed": not doc_type,
    }


def _append_version(
    document: Document,
    stored: StoredFile,
    author: Actor,
    note: str,
    commit: Commit | None = None,
) -> DocumentVersion:
    """Of a document that is locked; one that was archived comes back with it."""
    if document.archived_at is not None:
        record(author, "brought back", document=document)
        Document.objects.filter(pk=document.pk).update(archived_at=None)
    newest = document.versions.order_by("-number").values_list("number", flat=True).first()
    return DocumentVersion.objects.create(
        document=document,
        number=(newest or 0) + 1,
        sha256=stored.sha256,
        size=stored.size,
        media_type=media_type_by_name(document.path),
        author_id=author.pk if author else None,
        note=note,
        commit=commit.id if commit else "",
        commit_author=plain(commit.author, AUTHOR_LENGTH) if commit else "",
        committed_at=commit.at if commit else None,
    )


def _same_bytes(
    document: Document, newest: DocumentVersion, author: Actor, *, enqueue: bool
) -> Change:
    was_archived = document.archived_at is not None
    has_failed = newest.state == DocumentVersion.State.FAILED
    if was_archived:
        unarchive_document(document=document, actor=author)
    if has_failed:
        retry_version(version=newest, actor=author, enqueue=enqueue)
    if not (was_archived or has_failed):
        return Change("unchanged", newest)
    newest.refresh_from_db()
    return Change("updated", newest)


def add_archive(
    *, collection: Collection, content: BinaryIO, author: Actor, note: str = ""
) -> list[Change | Rejected]:
    """Keep every supported file of a zipped folder; the others are returned with a reason.

    Raises `UploadError` when the archive itself is not acceptable; then nothing is kept.
    """
    with TemporaryDirectory() as folder:
        archive = Path(folder) / "upload.zip"
        with archive.open("wb") as file:
            while block := content.read(1 << 20):
                file.write(block)
        content_folder = Path(folder) / "content"
        content_folder.mkdir()
        members = archives.expand(archive, content_folder)
        results: list[Change | Rejected] = [
            Rejected(path, "Files of this kind are not read.") for path in members.unsupported
        ]
        for path, member in members.files:
            results.append(_add_member(collection, path, member, author, note))
    return results


def _add_member(
    collection: Collection, path: str, member: Path, author: Actor, note: str
) -> Change | Rejected:
    try:
        with member.open("rb") as file:
            return add_version(
                collection=collection, path=path, content=file, author=author, note=note
            )
    except UploadError as error:
        return Rejected(path, str(error))


def restore_version(*, version: DocumentVersion, actor: Actor) -> DocumentVersion:
    """Make an old version the newest again, as a new version with the same bytes.

    Brings an archived document back.
    """
    with transaction.atomic():
        document = Document.objects.select_for_update().get(pk=version.document_id)
        stored = StoredFile(version.sha256, version.size)
        restored = _append_version(document, stored, actor, f"Restores v{version.number}")
        record(actor, "restored", document=document, detail=f"v{version.number}")
        poke(PROCESS_TASK, restored.pk)
    return restored


def archive_document(*, document: Document, actor: Actor) -> None:
    """Take a document out of search and answers; everything about it is kept."""
    with transaction.atomic():
        updated = Document.objects.filter(pk=document.pk, archived_at=None).update(
            archived_at=timezone.now()
        )
        if updated:
            publication.withdraw_document(document)
            record(actor, "archived", document=document)


def unarchive_document(*, document: Document, actor: Actor) -> None:
    """Bring an archived document back: its newest ready version serves again."""
    with transaction.atomic():
        updated = Document.objects.filter(pk=document.pk, archived_at__isnull=False).update(
            archived_at=None
        )
        if updated:
            publication.republish_document(document)
            record(actor, "brought back", document=document)


def retry_version(*, version: DocumentVersion, actor: Actor, enqueue: bool = True) -> None:
    """Process a failed version again; raises `UserError` for one that did not fail."""
    with transaction.atomic():
        updated = DocumentVersion.objects.filter(
            pk=version.pk, state=DocumentVersion.State.FAILED
        ).update(
            state=DocumentVersion.State.QUEUED,
            failure_id="",
            failure_reason="",
            attempts=0,
            lease_until=None,
            poked_at=timezone.now(),
        )
        if not updated:
            raise UserError(
                "not-failed", "This version did not fail, so there is nothing to retry."
            )
        record(actor, "retried", document=version.document, detail=f"v{version.number}")
        if enqueue:
            poke(PROCESS_TASK, version.pk)


def edit_document(*, document: Document, actor: Actor, doc_type: str) -> None:
    """Set the document's type by hand; it is not guessed again."""
    if doc_type not in DocType.values:
        raise UserError("bad-type", f"{doc_type!r} is not a document type. Choose one of the list.")
    with transaction.atomic():
        Document.objects.filter(pk=document.pk).update(doc_type=doc_type, doc_type_guessed=False)
        record(actor, "edited", document=document, detail=f"type {doc_type}")


def create_collection(
    *,
    actor: Actor,
    name: str,
    readers: Iterable[Group] = (),
    default_doc_type: str = "",
    policy: str = Collection.Policy.AUTO,
) -> Collection:
    """Raises `UserError` when the name is empty or taken, or its address is."""
    slug = _address_for(name)
    if not slug:
        raise UserError("bad-name", "Give the collection a name with letters or digits.")
    if Collection.objects.named(name) is not None:
        raise _name_taken(name)
    with transaction.atomic():
        collection, created = Collection.objects.get_or_create(
            slug=slug,
            defaults={"name": name, "default_doc_type": default_doc_type, "policy": policy},
        )
        if not created:
            raise UserError(
                "name-taken",
                f"A collection {name!r} cannot be made: its address {slug!r} is taken. Choose "
                "another name, or use the collection that has that address.",
            )
        collection.readers.set(readers)
        record(actor, "created", collection=collection)
    return collection


def _address_for(name: str) -> str:
    """With a digest where its own was given by an earlier release to a name that it does not
    spell."""
    slug = collection_slug(name)
    holder = Collection.objects.filter(slug=slug).first()
    is_misspelt = holder is not None and not is_address(slug, slug, holder.name)
    return digested_slug(name) if is_misspelt else slug


def _name_taken(name: str) -> UserError:
    return UserError("name-taken", f"The name {name!r} is taken. Choose another one.")


def collection_seen(collection: Collection) -> str:
    """What whoever edits a collection looks at: another one once somebody changed any of it."""
    readers = sorted(collection.readers.values_list("pk", flat=True))
    return digest(collection.name, readers, collection.default_doc_type, collection.policy)


def edit_collection(
    *,
    collection: Collection,
    actor: Actor,
    name: str,
    readers: Iterable[Group],
    default_doc_type: str,
    policy: str,
    looked_at: str = "",
) -> None:
    """Change a collection's name, readers and rules; the readers hold from the next request on.

    `looked_at` is its `collection_seen` when it was shown. Raises `UserError` when the new name is
    another collection's name or address (`name-taken`), and `changed-meanwhile`.
    """
    others = Collection.objects.exclude(pk=collection.pk)
    if name != collection.name and others.named(name) is not None:
        raise _name_taken(name)
    readers = list(readers)
    with transaction.atomic():
        now = _locked(collection)
        require_seen(collection_seen(now), looked_at, told=_changed_to(now))
        Collection.objects.filter(pk=collection.pk).update(
            name=name, default_doc_type=default_doc_type, policy=policy
        )
        _admit(collection, readers, actor)


def set_readers(*, collection: Collection, actor: Actor, readers: Iterable[Group]) -> bool:
    """Say who may read a collection, from the next request on; none: everybody. False when it is
    so already."""
    readers = list(readers)
    with transaction.atomic():
        if set(readers) == set(_locked(collection).readers.all()):
            return False
        _admit(collection, readers, actor)
    return True


def _locked(collection: Collection) -> Collection:
    """As it is now, and stays for the rest of the transaction."""
    return Collection.objects.select_for_update().get(pk=collection.pk)


def _changed_to(collection: Collection) -> str:
    type_of_new = collection.get_default_doc_type_display() or "guessed"
    return (
        f"Somebody changed this collection meanwhile. It is now {collection}, read by "
        f"{_names(collection.readers.all())}; type of new documents: {type_of_new}; answers: "
        f"{collection.get_policy_display()}."
    )


def _admit(collection: Collection, readers: list[Group], actor: Actor) -> None:
    collection.readers.set(readers)
    record(actor, "edited", collection=collection, detail=f"readers: {_names(readers)}")


def _names(readers: Iterable[Group]) -> str:
    return ", ".join(sorted(group.name for group in readers)) or "everybody"
