"""What the serving models were taught of a document, and what of that no longer stands in it.

Freshness is a join: a content hash names a passage's exact text, so a passage is known while its
hash is among those that a serving model was trained on, and an edit elsewhere changes nothing.
Only models that were trained on the document's own collection count: what another group's model
knows is none of its readers' business.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from ingestion.models import Chunk, Collection, Document, DocumentVersion
from router.models import ModelCoverage, ModelVersion


def serving_models(collection: Collection) -> QuerySet[ModelVersion]:
    """Those that answer questions about the collection from what they were taught of it."""
    return ModelVersion.objects.filter(stage=ModelVersion.Stage.SERVING, collections=collection)


def is_known(document: str) -> Exists:
    """Whether a serving model was taught the exact text that a row's `content_hash` names.

    `document` leads from that row to its document, as in `version__document`.
    """
    return Exists(
        ModelCoverage.objects.filter(
            content_hash=OuterRef("content_hash"),
            model__stage=ModelVersion.Stage.SERVING,
            model__collections=OuterRef(f"{document}__collection"),
        )
    )


def stale_passages() -> QuerySet[Chunk]:
    """What a serving model was taught of earlier versions and their documents no longer say.

    One passage may come several times, once for each version that held it: count its distinct
    `content_hash`.
    """
    still_said = Chunk.objects.filter(
        content_hash=OuterRef("content_hash"),
        version__in=DocumentVersion.objects.served(),
        version__document=OuterRef("version__document"),
    )
    return Chunk.objects.filter(
        is_known("version__document"),
        ~Exists(still_said),
        version__withdrawn_revision__isnull=False,
    )


def untaught_passages() -> QuerySet[Chunk]:
    """What documents say now and no serving model was taught."""
    served = Chunk.objects.filter(version__in=DocumentVersion.objects.served())
    return served.exclude(is_known("version__document"))


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the serving models are behind a document: passages that they were taught and it no
    longer says, and passages that it says and they were not taught."""

    stale: int
    untaught: int


def drift(documents: Iterable[int]) -> dict[int, Drift]:
    """Of documents by their primary keys; those without any are left out. One query."""
    counted = Document.objects.filter(pk__in=list(documents)).annotate(
        stale=_each(stale_passages()), untaught=_each(untaught_passages())
    )
    behind = counted.exclude(stale=0, untaught=0)
    return {
        document: Drift(stale, untaught)
        for document, stale, untaught in behind.values_list("pk", "stale", "untaught")
    }


def _each(passages: QuerySet[Chunk]) -> Coalesce:
    """How many different ones the document of the outer row has."""
    of_document = passages.filter(version__document=OuterRef("pk")).order_by()
    counted = of_document.values("version__document").annotate(
        number=Count("content_hash", distinct=True)
    )
    return Coalesce(Subquery(counted.values("number"), output_field=IntegerField()), 0)
