"""Which files an export has, and what its manifest says of them."""

import json
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

from django.contrib.auth.models import AbstractUser
from django.utils import timezone

from docportal.exports.places import VERSIONS, folders_of, has_place
from docportal.tree import EXPORT_BEGINS, EXPORT_MANIFEST, PAIRS_SUFFIX
from ingestion.models import Collection, Document, DocumentVersion
from ingestion.storage import original_path
from training.models import QAPair

# Documents in memory at a time.
BATCH = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """A file. `open` gives its bytes, to be closed by the caller."""

    name: str
    modified: datetime
    open: Callable[[], BinaryIO]


@dataclass(slots=True)
class Export:
    """`entries` are taken once; the counts are right when they have ended.

    `missing`: versions whose original is gone, which the manifest lists without a file.
    """

    collection: Collection
    documents: int = 0
    versions: int = 0
    pairs: int = 0
    missing: list[str] = field(default_factory=list)

    def entries(self) -> Iterator[Entry]:
        """Every file, the manifest last. Between two of them no question to the database is
        open, and whoever stops taking them leaves nothing behind."""
        now = timezone.now()
        paths = dict(self.collection.documents.order_by("path").values_list("pk", "path"))
        with TemporaryFile() as manifest:
            manifest.write(self._head(now))
            for place, one in enumerate(_all(list(paths), folders_of(paths.values()))):
                yield from one.files()
                self._count(one)
                told = json.dumps(one.described(), ensure_ascii=False)
                manifest.write(f"{',' if place else ''}\n{told}".encode())
            manifest.write(b"\n]}\n")
            manifest.seek(0)
            yield Entry(EXPORT_MANIFEST, now, lambda: cast("BinaryIO", manifest))

    def _head(self, now: datetime) -> bytes:
        readers = self.collection.readers.order_by("name").values_list("name", flat=True)
        told = {
            "exported_at": now.isoformat(),
            "collection": {
                "slug": self.collection.slug,
                "name": self.collection.name,
                "readers": list(readers),
                "policy": self.collection.policy,
                "trainable": self.collection.trainable,
            },
        }
        head = json.dumps(told, ensure_ascii=False).encode()
        return EXPORT_BEGINS + b", " + head[1:-1] + b', "documents": ['

    def _count(self, one: "_Placed") -> None:
        self.documents += 1
        self.versions += len(one.versions)
        self.pairs += len(one.taught) + len(one.others)
        self.missing += [f"{one.document.path} v{number}" for number in one.missing()]


@dataclass(slots=True)
class _Placed:
    """A document, its versions by number, the lines of its pairs, and where each of them lies."""

    document: Document
    in_tree: bool
    versions: list[DocumentVersion] = field(default_factory=list)
    taught: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def files(self) -> Iterator[Entry]:
        for version in self.versions:
            if self._is_there(version):
                path = original_path(version.sha256)
                yield Entry(self._name(version), version.created_at, partial(_opened, path))
        for name, lines in self._pairs().items():
            yield Entry(name, self.versions[-1].created_at, partial(_as_file, lines))

    def missing(self) -> list[int]:
        return [version.number for version in self.versions if not self._is_there(version)]

    def described(self) -> dict[str, Any]:
        document = self.document
        served = next((one.number for one in self.versions if one.is_served), None)
        archived = document.archived_at
        return {
            "document": document.slug,
            "path": document.path,
            "title": document.title,
            "type": document.doc_type,
            "owner": _name(document.owner),
            "created": document.created_at.isoformat(),
            "archived": archived.isoformat() if archived else None,
            "served": served,
            "versions": [self._described(version) for version in self.versions],
            "pairs": list(self._pairs()),
        }

    def _described(self, version: DocumentVersion) -> dict[str, Any]:
        return {
            "number": version.number,
            "file": self._name(version) if self._is_there(version) else None,
            "sha256": version.sha256,
            "size": version.size,
            "media_type": version.media_type,
            "state": version.state,
            "date": version.created_at.isoformat(),
            "author": _name(version.author),
            "message": version.note,
            "served": version.is_served,
        }

    def _name(self, version: DocumentVersion) -> str:
        """At the document's own path lies what is served, or the newest where nothing is."""
        shown = next((one for one in self.versions if one.is_served), self.versions[-1])
        if self.in_tree and version is shown:
            return self.document.path
        suffix = PurePosixPath(self.document.path).suffix.lower()
        return f"{VERSIONS}/{self.document.slug}/{version.number}{suffix}"

    def _pairs(self) -> dict[str, list[str]]:
        """The lines by their file."""
        own = f"{VERSIONS}/{self.document.slug}/pairs.jsonl"
        if not self.in_tree:
            found = {own: self.taught + self.others}
        else:
            found = {f"{self.document.path}{PAIRS_SUFFIX}": self.taught, own: self.others}
        return {name: lines for name, lines in found.items() if lines}

    def _is_there(self, version: DocumentVersion) -> bool:
        return original_path(version.sha256).is_file()


def _all(keys: Sequence[int], folders: Set[str]) -> Iterator[_Placed]:
    for start in range(0, len(keys), BATCH):
        yield from _some(keys[start : start + BATCH], folders)


def _some(keys: Sequence[int], folders: Set[str]) -> list[_Placed]:
    documents = Document.objects.filter(pk__in=keys).select_related("owner").order_by("path")
    placed = {
        one.pk: _Placed(one, one.archived_at is None and has_place(one.path, folders))
        for one in documents
    }
    versions = DocumentVersion.objects.filter(document__in=keys).select_related("author")
    for version in versions.order_by("number"):
        placed[version.document_id].versions.append(version)
    pairs = QAPair.objects.filter(document__in=keys).select_related("author").order_by("pk")
    approved = pairs.live().filter(review=QAPair.Review.APPROVED)
    taught = set(approved.values_list("pk", flat=True))
    for pair in pairs:
        of_document = placed[pair.document_id]
        lines = of_document.taught if pair.pk in taught else of_document.others
        lines.append(_line(pair))
    return list(placed.values())


def _line(pair: QAPair) -> str:
    told = {
        "query": pair.question,
        "answer": pair.answer,
        "context": pair.evidence,
        "origin": pair.origin,
        "review": pair.review,
        "author": _name(pair.author),
    }
    return json.dumps(told, ensure_ascii=False)


def _name(account: AbstractUser | None) -> str | None:
    return account.get_username() if account else None


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _as_file(lines: Sequence[str]) -> BinaryIO:
    return BytesIO("".join(f"{line}\n" for line in lines).encode())
