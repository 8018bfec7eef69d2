"""An embedding server that starts at once, and a hand that writes and publishes documents."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import transaction
from django.utils.text import slugify

from ingestion.models import Chunk, Collection, Document, DocumentVersion
from ingestion.publication import publish, withdraw_document
from router import retrieval
from tests.router.retrieval.hashed_words import HashedWords


@dataclass(frozen=True, slots=True)
class Writer:
    """Puts documents into the database as the pipeline does, without its files."""

    def draft(self, collection: Collection, path: str, *texts: str) -> DocumentVersion:
        """A version that is embedded and ready, but not served yet."""
        document, _ = Document.objects.get_or_create(
            collection=collection,
            path=path,
            defaults={"title": path, "slug": slugify(f"{collection.slug}-{path}")},
        )
        number = document.versions.count() + 1
        version = DocumentVersion.objects.create(
            document=document,
            number=number,
            sha256=hashlib.sha256(repr((path, texts)).encode()).hexdigest(),
            size=1,
            media_type="text/plain",
            title=document.title,
            state=DocumentVersion.State.READY,
        )
        Chunk.objects.bulk_create(
            Chunk(
                version=version,
                position=position,
                content_hash=hashlib.sha256(text.encode()).hexdigest(),
                kind=Chunk.Kind.PROSE,
                text=text,
                tokens=len(text.split()),
            )
            for position, text in enumerate(texts)
        )
        retrieval.index_version(version)
        return version

    def write(self, collection: Collection, path: str, *texts: str) -> DocumentVersion:
        """A version that is served, instead of the one before."""
        version = self.draft(collection, path, *texts)
        with transaction.atomic():
            publish(version)
        version.refresh_from_db()
        return version

    def archive(self, version: DocumentVersion) -> None:
        with transaction.atomic():
            withdraw_document(version.document)


@pytest.fixture
def writer(home: Path, embedder: HashedWords) -> Writer:
    return Writer()
