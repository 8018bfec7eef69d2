"""Documents as the pipeline leaves them, without parsing files: for tests of what reads them."""

import hashlib
import io

from ingestion import jobs, services
from ingestion.chunking import ChunkDraft, ChunkKind
from ingestion.models import Collection, DocumentVersion


def publish(
    collection: Collection, path: str, title: str, *passages: tuple[str, str]
) -> DocumentVersion:
    """Serve a document of these passages (heading, text) in place of its version before."""
    content = "\n".join(f"{heading}\n{text}" for heading, text in passages).encode()
    version = services.add_version(
        collection=collection, path=path, content=io.BytesIO(content), author=None, enqueue=False
    ).version
    job = jobs.claim(version.pk)
    assert job is not None
    drafts = [
        ChunkDraft(
            kind=ChunkKind.PROSE,
            heading_path=(title, heading),
            page=None,
            language="",
            text=text,
            tokens=len(text.split()),
            content_hash=hashlib.sha256(f"{heading}\n{text}".encode()).hexdigest(),
        )
        for heading, text in passages
    ]
    jobs.save_chunks(job, title, drafts)
    jobs.finish(job)
    version.refresh_from_db()
    return version
