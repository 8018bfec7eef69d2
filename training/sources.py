"""The passages that pairs may rest on, as they are served now."""

from ingestion.models import Chunk, Document, DocumentVersion
from router.evidence.named import names_of
from router.text import content_stems
from training.evidence import Source
from training.likeness import DocumentText


def served_text(document: Document) -> DocumentText:
    """The passages of the document's served version, in order; empty when none is served."""
    rows = (
        Chunk.objects.filter(
            version__in=DocumentVersion.objects.served(), version__document=document
        )
        .order_by("position")
        .values_list("content_hash", "text", "heading_path")
    )
    return DocumentText(
        tuple(Source(name, text, "\n".join(headings)) for name, text, headings in rows),
        content_stems(" ".join(*names_of((document.title,)))),
    )
