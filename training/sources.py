"""The passages that pairs may rest on, as they are served now."""

from ingestion.models import Chunk, Document, DocumentVersion
from training.evidence import Source


def served_sources(document: Document) -> list[Source]:
    """The passages of the document's served version, in order; none when none is served."""
    rows = (
        Chunk.objects.filter(
            version__in=DocumentVersion.objects.served(), version__document=document
        )
        .order_by("position")
        .values_list("content_hash", "text", "heading_path")
    )
    return [Source(name, text, "\n".join(headings)) for name, text, headings in rows]
