"""The error audit: which step lost the right answer in each wrong one, as things stand now.

Wrong are the answers of the serving models' evaluations that were judged so, and those of recent
months that their askers did not find helpful. Each question is searched again with its reader's
rights, and the place of what holds the right answer decides: `training.buckets`.
"""

import contextlib
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from itertools import product
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, F, Max, OuterRef, Q, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from django.utils import timezone

from ingestion.errors import UserError
from ingestion.models import Collection, Reader
from router import retrieval
from router.models import Answer, Citation, Feedback, ModelVersion
from router.policy import Rule
from router.prompts import passage_of
from router.reading import sentences_read
from router.services import SHOWN_PASSAGES
from training.audience import NobodyReadsJustThat, somebody_of
from training.buckets import BUCKETS, Bucket, advice, bucket_of
from training.gold import Gold, gold_of_facts, gold_saying
from training.models import AuditedError, Evaluation, EvaluationItem

if TYPE_CHECKING:
    from router.evidence.focus import Place
    from router.prompts import Passage
    from router.retrieval.searching import Hit

Unsorted = AuditedError.Unsorted
Search = Callable[[str], Sequence["Hit"]]
"""What a text finds, best first, with somebody's rights."""
Reads = Callable[[Sequence["Passage"]], AbstractSet["Place"]]
"""Which sentences of passages a reader is given to a question."""
_BY_TUNED = Q(item__evaluation__system=Evaluation.System.TUNED) | Q(
    feedback__answer__route=Answer.Route.TUNED
)
# What the check of answers stops is shown to nobody.
_STOPPED = Q(kind=EvaluationItem.Kind.REFUSAL, shown=False)
# So many places are told apart; for more, a search would look deeper than a reader's own.
FOUND = 25


@dataclass(frozen=True, slots=True)
class Findings:
    """How many errors lie with each step, and of those with a model `of_tuned` with a tuned one;
    `unsorted` by the reason, in words. None: no audit."""

    errors: dict[Bucket, int]
    of_tuned: int
    unsorted: dict[str, int]
    audited_at: datetime | None

    @property
    def advice(self) -> str:
        return advice(self.errors, of_tuned=self.of_tuned)


def findings() -> Findings:
    """What the last audit found of the models that serve and of recent feedback. One query."""
    rows = list(
        AuditedError.objects.current()
        .order_by()
        .values("bucket", "unsorted")
        .annotate(
            errors=Count("pk"),
            of_tuned=Count("pk", filter=_BY_TUNED),
            last=Max("audited_at"),
        )
    )
    counted = {row["bucket"]: row["errors"] for row in rows if not row["unsorted"]}
    return Findings(
        errors={bucket: counted.get(bucket, 0) for bucket in BUCKETS},
        of_tuned=sum(row["of_tuned"] for row in rows if row["bucket"] == "model"),
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
        AuditedError.objects.filter(item__in=EvaluationItem.objects.filter(_STOPPED)).delete()
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
    items = list(wrong.exclude(_STOPPED).select_related("evaluation"))
    audience = frozenset(group for groups in model.readers.values() for group in groups)
    with contextlib.ExitStack() as stack:
        try:
            reader = stack.enter_context(somebody_of(audience, purpose=f"audit of {model}"))
        except NobodyReadsJustThat:
            return [_left(error, Unsorted.NO_READER) for error in _errors(items)]
        gold, search = gold_of_facts(items), _search_as(reader)
        return [
            _sorted_item(error, item, gold.get((item.document_id, item.fact_id)), search)
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
    error: AuditedError, item: EvaluationItem, gold: Gold | None, search: Search
) -> AuditedError:
    """What is documented nowhere has no passage to be found: the model made it up."""
    if item.kind == EvaluationItem.Kind.REFUSAL:
        error.bucket = AuditedError.Bucket.MODEL
        return error
    if gold is None:
        return _left(error, Unsorted.CHANGED)
    by_tuned = item.evaluation.system == Evaluation.System.TUNED
    reads = None if by_tuned else partial(sentences_read, item.question, several=False)
    return _sorted(error, gold, search(item.question), reads)


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
            one,
            one.question,
            _search_as(one.answer.query.user),
        )
        for one in given
    ]


def _sorted_feedback(
    error: AuditedError, given: Feedback, question: str, search: Search
) -> AuditedError:
    answer, correction = given.answer, given.correction
    if not correction:
        return _left(error, Unsorted.NO_CORRECTION)
    gold = gold_saying(correction, question, search(f"{question}\n{correction}"))
    if gold is None:
        return _left(error, Unsorted.NOT_SAID)
    error.collection = gold.chunk.version.document.collection
    by_tuned = answer.route == Answer.Route.TUNED
    several = answer.signals.get("decision", {}).get("rule") == Rule.SEVERAL
    reads = None if by_tuned else partial(sentences_read, question, several=several)
    return _sorted(error, gold, search(question), reads)


# --- One error ---------------------------------------------------------------------------------


def _sorted(
    error: AuditedError, gold: Gold, hits: Sequence["Hit"], reads: Reads | None
) -> AuditedError:
    """By the place of the passage, or of another one with its words, among the hits, and by what of
    them the reader gets. Without one, a tuned model answered: what it says is held against all that
    is shown."""
    text = gold.chunk.content_hash
    places = [place for place, hit in enumerate(hits) if hit.chunk.content_hash == text]
    error.chunk, error.rank = gold.chunk, places[0] + 1 if places else None
    shown = [passage_of(hit.chunk) for hit in hits[:SHOWN_PASSAGES]]
    near = [place for place in places if place < len(shown)]
    reached = bool(near) and (
        reads is None or not reads(shown).isdisjoint(product(near, gold.sentences))
    )
    error.bucket = AuditedError.Bucket(bucket_of(error.rank, reached=reached))
    return error


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
