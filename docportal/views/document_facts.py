"""What a document teaches: its facts with their evidence, and what the serving model knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.db.models import Count, Exists, Max, OuterRef, Subquery
from django.urls import reverse

from docportal.views import paging
from docportal.views.passages import passage_url
from docportal.views.segments import Mark
from ingestion.models import Chunk, Document, DocumentVersion
from router.freshness import serving_models, stale_passages
from training.freshness import Freshness, document_freshness, is_taught
from training.models import PairQuerySet, QAPair

PAGE = 20
STALE = 10

Learned = Literal["new", "known", ""]
"""Of a passage: with facts that a retrain would teach; with taught ones alone; neither."""


@dataclass(frozen=True, slots=True)
class Facts:
    freshness: Freshness
    models: Sequence[str]
    """That serve, by name; none or one, but for a moment after a change of readers."""
    rows: Sequence[tuple[QAPair, str]]
    """One pair of each fact with `known` and `phrasings`, and the address of its evidence."""
    following: str
    stale: Sequence[tuple[Chunk, str]]
    """Passages of earlier versions that the serving model was taught, with their addresses."""

    @property
    def is_empty(self) -> bool:
        return not self.rows and not self.stale


def facts(document: Document, chunks: Sequence[Chunk], after: str) -> Facts:
    """`chunks` are the passages of the version that is shown, in which evidence is marked."""
    freshness = document_freshness([document])[document.pk]
    page = paging.page(_first_of_each(document), ("document_id", "pk"), after, PAGE)
    positions = {chunk.content_hash: chunk.position for chunk in reversed(chunks)}
    return Facts(
        freshness=freshness,
        models=list(serving_models(document.collection).values_list("name", flat=True)),
        rows=[(pair, _evidence_url(document, pair, positions)) for pair in page.rows],
        following=page.following,
        stale=_stale(document) if freshness.stale else [],
    )


def learned(version: DocumentVersion, chunks: Sequence[Chunk]) -> list[Learned]:
    """For each of the passages, which are those of the version that is served."""
    pairs = QAPair.objects.filter(document=version.document_id)
    known = set(pairs.filter(is_taught()).values_list("content_hash", flat=True))
    new = set(pairs.trainable().filter(~is_taught()).values_list("content_hash", flat=True))
    return [
        "new" if chunk.content_hash in new else "known" if chunk.content_hash in known else ""
        for chunk in chunks
    ]


def _first_of_each(document: Document) -> PairQuerySet:
    approved = QAPair.objects.filter(document=document, review=QAPair.Review.APPROVED)
    same = approved.filter(fact_id=OuterRef("fact_id")).order_by()
    number = same.values("fact_id").annotate(number=Count("pk")).values("number")
    return (
        approved.live()
        .filter(~Exists(same.filter(pk__lt=OuterRef("pk"))))
        .annotate(known=is_taught(), phrasings=Subquery(number))
    )


def _evidence_url(document: Document, pair: QAPair, positions: dict[str, int]) -> str:
    position = positions.get(pair.content_hash)
    if position is None or pair.start is None or pair.end is None:
        return ""
    mark = Mark(position, pair.start, pair.end)
    return f"{reverse('document', args=[document.slug])}?mark={mark}#p{position}"


def _stale(document: Document) -> list[tuple[Chunk, str]]:
    """Each once, as it stood last."""
    stale = stale_passages().filter(version__document=document).order_by()
    last = stale.values("content_hash").annotate(last=Max("pk")).values("last")
    chunks = Chunk.objects.filter(pk__in=last).select_related("version__document")
    return [(chunk, passage_url(chunk)) for chunk in chunks.order_by("position")[:STALE]]
