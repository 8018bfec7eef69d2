"""The sample company: its collections, its documents in two editions, and the pairs beside them.

Of the collection that the first model is taught, the second edition comes when that model serves:
so it is seen what becomes of a model whose documents change.
"""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group

from docportal.bulk import Report, import_pairs_beside
from docportal.tree import Tree, read_tree
from ingestion import services
from ingestion.audit import Actor
from ingestion.jobs import UNFINISHED
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


def is_read() -> bool:
    """Whether all documents that are taught are uploaded and read, or have failed."""
    versions = DocumentVersion.objects.filter(document__collection__name=TAUGHT)
    paths = set(versions.values_list("document__path", flat=True))
    is_uploaded = paths >= _files(_taught_folder(), 1).documents.keys()
    return is_uploaded and not versions.filter(state__in=UNFINISHED).exists()


def import_pairs() -> Report:
    """The pairs beside the first edition of what is taught, once that is read: a pair needs its
    evidence in what is served."""
    report, collection = Report(), Collection.objects.get(name=TAUGHT)
    report.pairs = import_pairs_beside(_files(_taught_folder(), 1), collection, report)
    return report


def publish_changes(author: Actor) -> list[DocumentVersion]:
    """The second edition of what is taught; the versions that an earlier call has not added."""
    return _upload(Collection.objects.get(name=TAUGHT), _taught_folder(), author, 2)


def _taught_folder() -> str:
    return next(folder for name, folder, _, _ in COLLECTIONS if name == TAUGHT)


def _files(part: str, edition: int) -> Tree:
    return read_tree([FOLDER / "documents" / f"v{edition}" / part])


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
    added = []
    for path, file in _files(part, edition).documents.items():
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
