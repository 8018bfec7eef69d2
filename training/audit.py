"""The error audit: which step lost the right answer in each wrong one, as things stand now.

Wrong are the answers of the serving models' evaluations that were judged so, and those of recent
months that their askers did not find helpful. Each question is searched again with its reader's
rights, and the place of the passage that holds the right answer decides: `training.buckets`.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, F, Max, OuterRef, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from django.utils import timezone

from ingestion.errors import UserError
from ingestion.models import Chunk, Collection, Reader
from router import retrieval
from router.models import Citation, Feedback, ModelVersion
from router.prompts import as_given, passage_of
from training.audience import NobodyReadsJustThat, somebody_of
from training.buckets import BUCKETS, Bucket, advice, bucket_of
from training.gold import passage_saying, passages_of_facts
from training.models import AuditedError, Evaluation, EvaluationItem

if TYPE_CHECKING:
    from router.retrieval.searching import Hit

Unsorted = AuditedError.Unsorted
Search = Callable[[str], Sequence["Hit"]]
"""What a text finds, best first, with somebody's rights."""
# So many places are told apart; for more, a search would look deeper than a reader's own.
FOUND = 25


@dataclass(frozen=True, slots=True)
class Findings:
    """How many errors lie with each step; `unsorted` by the reason, in words. None: no audit."""

    errors: dict[Bucket, int]
    unsorted: dict[str, int]
    audited_at: datetime | None

    @property
    def advice(self) -> str:
        return advice(self.errors)


def findings() -> Findings:
    """What the last audit found of the models that serve and of recent feedback. One query."""
    rows = list(
        AuditedError.objects.current()
        .order_by()
        .values("bucket", "unsorted")
        .annotate(errors=Count("pk"), last=Max("audited_at"))
    )
    counted = {row["bucket"]: row["errors"] for row in rows if not row["unsorted"]}
    return Findings(
        errors={bucket: counted.get(bucket, 0) for bucket in BUCKETS},
        unsorted={
            Unsorted(row["unsorted"]).label: row["errors"] for row in rows if row["unsorted"]
        },
        audited_at=max((row["last"] for row in rows), default=None),
    )


def audit() -> Findings:
    """Sort the wrong answers anew; may run at any time and any number of times.

    Raises `UserError` (`no-embeddings`), since by words alone other passages are found.
    """
    serving = ModelVersion.objects.filter(stage=ModelVersion.Stage.SERVING)
    of_items = [error for model in serving for error in _of_model(model)]
    of_feedback = _of_feedback()
    with transaction.atomic():
        _keep("item", of_items)
        _keep("feedback", of_feedback)
        judged_otherwise = AuditedError.objects.exclude(feedback=None)
        judged_otherwise.exclude(feedback__verdict=Feedback.Verdict.DOWN).delete()
    return findings()


def _keep(source: str, errors: list[AuditedError]) -> None:
    found = ("at", "collection", "bucket", "unsorted", "chunk", "rank", "audited_at")
    AuditedError.objects.bulk_create(
        errors, batch_size=500, update_conflicts=True, unique_fields=[source], update_fields=found
    )


# --- Of evaluations ----------------------------------------------------------------------------


def _of_model(model: ModelVersion) -> list[AuditedError]:
    """The wrong answers of its run's evaluation, by the model and from passages."""
    systems = (Evaluation.System.TUNED, Evaluation.System.RAG)
    wrong = EvaluationItem.objects.filter(
        evaluation__run__model=model, evaluation__system__in=systems, correct=False
    )
    items = list(wrong.select_related("evaluation"))
    audience = frozenset(group for groups in model.readers.values() for group in groups)
    with contextlib.ExitStack() as stack:
        try:
            reader = stack.enter_context(somebody_of(audience, purpose=f"audit of {model}"))
        except NobodyReadsJustThat:
            return [_left(error, Unsorted.NO_READER) for error in _errors(items)]
        passages, search = passages_of_facts(items), _search_as(reader)
        return [
            _sorted_item(error, item, passages.get((item.document_id, item.fact_id)), search)
            for error, item in zip(_errors(items), items, strict=True)
        ]


def _errors(items: Sequence[EvaluationItem]) -> list[AuditedError]:
    collections = dict(Collection.objects.values_list("slug", "pk"))
    return [
        AuditedError(
            item=item, at=item.evaluation.created_at, collection_id=collections.get(item.domain)
        )
        for item in items
    ]


def _sorted_item(
    error: AuditedError, item: EvaluationItem, chunk: Chunk | None, search: Search
) -> AuditedError:
    """What is documented nowhere has no passage to be found: the model made it up."""
    if item.kind == EvaluationItem.Kind.REFUSAL:
        error.bucket = AuditedError.Bucket.MODEL
        return error
    if chunk is None:
        return _left(error, Unsorted.CHANGED)
    return _sorted(error, chunk, search(item.question))


# --- Of feedback -------------------------------------------------------------------------------


def _of_feedback() -> list[AuditedError]:
    nearest = Citation.objects.filter(answer=OuterRef("answer")).order_by("rank")
    # A follow-up is understood from the questions before it, and so it was looked for.
    understood = KeyTextTransform("question", "answer__signals")
    given = (
        Feedback.objects.filter(
            verdict=Feedback.Verdict.DOWN, given_at__gte=timezone.now() - AuditedError.RECENT
        )
        .select_related("answer__query__user")
        .annotate(near=Subquery(nearest.values("chunk__version__document__collection")[:1]))
        .annotate(question=Coalesce(understood, F("answer__query__text")))
    )
    return [
        _sorted_feedback(
            AuditedError(feedback=one, at=one.given_at, collection_id=one.near),
            one.question,
            one.correction,
            _search_as(one.answer.query.user),
        )
        for one in given
    ]


def _sorted_feedback(
    error: AuditedError, question: str, correction: str, search: Search
) -> AuditedError:
    if not correction:
        return _left(error, Unsorted.NO_CORRECTION)
    chunk = passage_saying(correction, question, search(f"{question}\n{correction}"))
    if chunk is None:
        return _left(error, Unsorted.NOT_SAID)
    error.collection = chunk.version.document.collection
    return _sorted(error, chunk, search(question))


# --- One error ---------------------------------------------------------------------------------


def _sorted(error: AuditedError, chunk: Chunk, hits: Sequence["Hit"]) -> AuditedError:
    """By the place of the passage, or of another one with its words, among the hits."""
    places = [rank for rank, hit in enumerate(hits, start=1) if _same(hit.chunk, chunk)]
    error.chunk, error.rank = chunk, next(iter(places), None)
    given = as_given([passage_of(hit.chunk) for hit in hits])
    error.bucket = AuditedError.Bucket(bucket_of(error.rank, len(given)))
    return error


def _same(one: Chunk, other: Chunk) -> bool:
    return one.content_hash == other.content_hash


def _left(error: AuditedError, reason: Unsorted) -> AuditedError:
    error.bucket, error.unsorted = AuditedError.Bucket.UNSORTED, reason
    return error


def _search_as(reader: Reader) -> Search:
    """Each text is searched once, though several systems were asked it."""

    @cache
    def search(text: str) -> Sequence["Hit"]:
        result = retrieval.search(text, user=reader, limit=FOUND)
        if result.degraded:
            raise UserError(
                "no-embeddings",
                "The embedding server does not answer, and by words alone other passages are "
                "found than people find. Start it, then audit again.",
            )
        return result.hits

    return search
