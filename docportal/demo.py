"""The sample company: its collections, and its documents in two editions.

Of the collection that the first model is taught, the second edition comes when that model serves:
so it is seen what becomes of a model whose documents change.
"""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group

from ingestion import services
from ingestion.audit import Actor
from ingestion.models import Collection, DocType, DocumentVersion

FOLDER: Path = settings.BASE_DIR / "demo"
TAUGHT = "Systems"
# Name of the collection, its folder, its readers, its document type (empty: guessed).
COLLECTIONS: Sequence[tuple[str, str, list[str], str]] = [
    (TAUGHT, "systems", [], ""),
    ("Handbook", "handbook", [], ""),
    ("Restricted", "restricted", ["security"], ""),
    ("Marketing", "marketing", [], DocType.MARKETING),
]


def bring_in(author: Actor) -> None:
    """All collections and documents, but for the changes to what is taught. Again it adds none."""
    for name, folder, readers, doc_type in COLLECTIONS:
        collection = _collection(name, readers, doc_type)
        _upload(collection, folder, author, 1)
        if name != TAUGHT:
            _upload(collection, folder, author, 2)


def publish_changes(author: Actor) -> list[DocumentVersion]:
    """The second edition of what is taught; the versions that an earlier call has not added."""
    folder = next(folder for name, folder, _, _ in COLLECTIONS if name == TAUGHT)
    return _upload(Collection.objects.get(name=TAUGHT), folder, author, 2)


def _collection(name: str, readers: list[str], doc_type: str) -> Collection:
    found = Collection.objects.filter(name=name).first()
    return found or services.create_collection(
        actor=None,
        name=name,
        readers=[Group.objects.get(name=reader) for reader in readers],
        default_doc_type=doc_type,
    )


def _upload(
    collection: Collection, part: str, author: Actor, edition: int
) -> list[DocumentVersion]:
    folder, added = FOLDER / "documents" / f"v{edition}" / part, []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        path = file.relative_to(folder).as_posix()
        if collection.documents.filter(path=path, versions__number__gte=edition).exists():
            continue
        with file.open("rb") as content:
            change = services.add_version(
                collection=collection,
                path=path,
                content=content,
                author=author,
                note="Winter season 2026" if edition == 2 else "",
            )
        added.append(change.version)
    return added
