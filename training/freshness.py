"""How much of a document the serving model knows, in facts: for a page of documents, one query."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from ingestion.models import Document
from ingestion.prepared import Prepared
from router.freshness import stale_passages
from router.models import ModelVersion
from training.models import QAPair, TaughtFact


@dataclass(frozen=True, slots=True)
class Freshness:
    known: int
    """Facts of approved pairs that the document still says and a serving model was taught."""
    new: int
    """Facts that a retrain would teach."""
    stale: int
    """Passages that a serving model was taught and the document no longer holds."""
    waiting: int
    """Pairs that wait for review."""


def is_taught() -> Exists:
    """Whether a model that serves a pair's collection was taught its fact. To know the passage is
    not enough: pairs come to it after a training, and most passages have none."""
    serving = ModelVersion.objects.filter(
        stage=ModelVersion.Stage.SERVING, collections=OuterRef(OuterRef("document__collection"))
    )
    return Exists(
        TaughtFact.objects.filter(
            fact_id=OuterRef("fact_id"), dataset__sha256__in=serving.values("dataset_sha256")
        )
    )


def document_freshness(documents: Iterable[Document]) -> dict[int, Freshness]:
    """By the document's primary key."""
    rows = _counted.rows([document.pk for document in documents])
    return {document: Freshness(*numbers) for document, *numbers in rows}


def _counts(documents: Sequence[int]) -> QuerySet[Document, Any]:
    """The primary key of each, and the numbers of its `Freshness` in their order."""
    known = QAPair.objects.live().filter(is_taught(), review=QAPair.Review.APPROVED)
    new = QAPair.objects.trainable().filter(~is_taught())
    counts = {
        "known": _each(known, "document", "fact_id"),
        "new": _each(new, "document", "fact_id"),
        "stale": _each(stale_passages(), "version__document", "content_hash"),
        "waiting": _each(QAPair.objects.waiting(), "document", "pk"),
    }
    rows = Document.objects.filter(pk__in=documents).order_by().annotate(**counts)
    return rows.values_list("pk", *counts)


_counted = Prepared(_counts)


def _each(rows: QuerySet[Any], document: str, counted: str) -> Combinable:
    """For the document of the outer row, how many distinct values of `counted` there are."""
    of_document = rows.filter(**{document: OuterRef("pk")}).order_by().values(document)
    number = of_document.annotate(number=Count(counted, distinct=True)).values("number")
    return Coalesce(Subquery(number, output_field=IntegerField()), 0)
