"""Documents in each state that a page can meet, made by the services that make them for people."""

import io
from collections.abc import Sequence

from ingestion import jobs, services
from ingestion.audit import Actor
from ingestion.chunking import ChunkDraft, ChunkKind, content_hash
from ingestion.models import Collection, DocumentVersion


def passage(
    text: str,
    *headings: str,
    kind: ChunkKind = ChunkKind.PROSE,
    page: int | None = None,
    language: str = "",
) -> ChunkDraft:
    hashed = content_hash(kind, headings, text)
    return ChunkDraft(kind, headings, page, language, text, len(text.split()), hashed)


def upload(
    collection: Collection, path: str, content: str, author: Actor = None, note: str = ""
) -> DocumentVersion:
    """A version that waits to be parsed."""
    return services.add_version(
        collection=collection,
        path=path,
        content=io.BytesIO(content.encode()),
        author=author,
        note=note,
        enqueue=False,
    ).version


def publish(
    collection: Collection,
    path: str,
    passages: Sequence[ChunkDraft],
    *,
    title: str = "Guide",
    author: Actor = None,
    note: str = "",
) -> DocumentVersion:
    """A version that is served, taken there as a worker does it."""
    content = "\n\n".join(draft.text for draft in passages)
    version = upload(collection, path, content, author, note)
    job = jobs.claim(version.pk)
    assert job is not None
    jobs.save_chunks(job, title, list(passages))
    jobs.finish(job)
    version.refresh_from_db()
    return version


def fail(collection: Collection, path: str, reason: str) -> DocumentVersion:
    version = upload(collection, path, path)
    job = jobs.claim(version.pk)
    assert job is not None
    jobs.fail(job, "scanned", reason)
    version.refresh_from_db()
    return version
