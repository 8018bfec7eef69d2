"""Wrong answers by the step that went wrong: how many, by collection and week, and each of them
with the passage that holds the right answer and its rank."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count
from django.db.models.functions import TruncWeek
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from docportal.models import User
from docportal.views import paging
from docportal.views.access import TRAIN, Request, require
from docportal.views.passages import Card, from_chunks
from ingestion.models import Collection
from router.models import Feedback
from training.audit import FOUND, findings
from training.buckets import BUCKETS
from training.models import AuditedError, AuditedErrorQuerySet, Evaluation, EvaluationItem

PAGE = 25
WEEKS = 12
LABELS = [(bucket, AuditedError.Bucket(bucket).label) for bucket in BUCKETS]


@require_GET
def errors(request: Request) -> HttpResponse:
    require(request.user, TRAIN)
    collections = list(Collection.objects.readable_by(request.user))
    bucket, slug = request.GET.get("bucket", ""), request.GET.get("collection", "")
    rows = _sorted_errors(request.user)
    if bucket in BUCKETS:
        rows = rows.filter(bucket=bucket)
    if collection := next((one for one in collections if one.slug == slug), None):
        rows = rows.filter(collection=collection)
    page = paging.page(rows, ("-at", "-pk"), request.GET.get("after", ""), PAGE)
    context = {
        "section": "training",
        "found": findings(),
        "labels": LABELS,
        "by_collection": _by_collection(collections),
        "by_week": _by_week(),
        "collections": collections,
        "collection": collection,
        "bucket": bucket,
        "rows": [_row(error) for error in page.rows],
        "following": page.following,
    }
    return render(request, "training_errors.html", context)


# --- Counted -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """Errors of one kind by bucket, in the order of `BUCKETS`."""

    what: str | datetime
    errors: Sequence[int]


def _by_collection(readable: Sequence[Collection]) -> list[Counts]:
    """Of today's; without a name, last, those of collections that the viewer may not read."""
    names = {collection.pk: collection.name for collection in readable}
    today = AuditedError.objects.current().filter(bucket__in=BUCKETS).order_by()
    rows = today.values_list("collection", "bucket").annotate(Count("pk"))
    table = _table((names.get(pk, ""), bucket, errors) for pk, bucket, errors in rows)
    return sorted(table, key=lambda counts: (not counts.what, counts.what))


def _by_week() -> list[Counts]:
    """Of every model that served and of all feedback, the newest week first."""
    since = timezone.now() - timedelta(weeks=WEEKS)
    kept = AuditedError.objects.filter(bucket__in=BUCKETS, at__gte=since)
    weekly = kept.annotate(week=TruncWeek("at")).order_by("-week")
    return _table(weekly.values_list("week", "bucket").annotate(Count("pk")))


def _table(rows: Iterable[Sequence[Any]]) -> list[Counts]:
    counted: dict[str | datetime, dict[str, int]] = {}
    for what, bucket, errors in rows:
        counted.setdefault(what, dict.fromkeys(BUCKETS, 0))[bucket] += errors
    return [Counts(what, list(of_it.values())) for what, of_it in counted.items()]


# --- One by one --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A wrong answer, what is right, and the passage that says it. Nothing right: to be refused."""

    error: AuditedError
    question: str
    right: str
    said: str
    by: str
    card: Card | None

    @property
    def place(self) -> str:
        if self.card is None:
            return ""
        rank = self.error.rank
        if rank is None:
            return f"not among the first {FOUND}"
        too_low = self.error.bucket == AuditedError.Bucket.RANKING
        return f"rank {rank}, not read" if too_low else f"rank {rank}"


def _sorted_errors(user: User) -> AuditedErrorQuerySet:
    """Those of today of which `user` may read everything."""
    return (
        AuditedError.objects.current()
        .readable_by(user)
        .filter(bucket__in=BUCKETS)
        .select_related("item__evaluation", "feedback__answer__query", "chunk__version__document")
    )


def _row(error: AuditedError) -> Row:
    question, right, said, by = _told(error)
    cards = from_chunks([error.chunk] if error.chunk else [], question)
    return Row(error, question, right, said, by, next(iter(cards), None))


def _told(error: AuditedError) -> tuple[str, str, str, str]:
    """Question, right answer, given answer, and whose it was."""
    match error.item or error.feedback:
        case EvaluationItem() as item:
            by = Evaluation.System(item.evaluation.system).label
            return item.question, " or ".join(item.expected), item.answer, by
        case Feedback(answer=answer, correction=correction):
            return answer.query.text, correction, answer.text, "Corrected by a reader"
        case None:
            raise ValueError(f"Audited error {error.pk} is of nothing.")
