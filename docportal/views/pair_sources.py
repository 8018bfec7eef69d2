"""The passage that bears a pair out, as a reviewer reads it: its evidence marked."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F

from docportal.views.passages import passage_url
from docportal.views.rendering import Block, blocks
from docportal.views.segments import Mark
from ingestion.models import Chunk, DocumentVersion
from router.text import content_stems
from training.models import QAPair

NEAREST = 2


@dataclass(frozen=True, slots=True)
class Source:
    heading: str
    version: int
    page: int | None
    url: str
    served: bool
    """False: the document says something else now; this is what it said."""
    blocks: Sequence[Block]


def source(pair: QAPair) -> Source | None:
    """As the document says it now; of a retired pair, as it said it last."""
    chunk = (
        Chunk.objects.filter(
            content_hash=pair.content_hash,
            version__document=pair.document_id,
            version__published_revision__isnull=False,
        )
        .select_related("version__document")
        .order_by(F("version__withdrawn_revision").desc(nulls_first=True), "position")
        .first()
    )
    return _source(chunk, pair) if chunk is not None else None


def nearest(pair: QAPair) -> list[Source]:
    """For a pair without evidence: the passages that share most words with it, best first."""
    wanted = content_stems(f"{pair.question} {pair.answer} {pair.evidence}")
    served = DocumentVersion.objects.served().filter(document=pair.document_id)
    chunks = Chunk.objects.filter(version__in=served).select_related("version__document")
    shared = [(len(wanted & content_stems(chunk.text)), chunk) for chunk in chunks]
    best = sorted((pair for pair in shared if pair[0]), key=lambda pair: -pair[0])
    return [_source(chunk) for _, chunk in best[:NEAREST]]


def _source(chunk: Chunk, pair: QAPair | None = None) -> Source:
    span = None
    if pair is not None and pair.start is not None and pair.end is not None:
        span = (pair.start, pair.end)
    return Source(
        heading=chunk.heading,
        version=chunk.version.number,
        page=chunk.page,
        url=passage_url(chunk, Mark(chunk.position, *span) if span else None),
        served=chunk.version.is_served,
        blocks=blocks(chunk, span),
    )
