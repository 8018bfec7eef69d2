"""How far the review is: by document, by reviewer, and what was decided last."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db.models import Count, Exists, IntegerField, Max, OuterRef, Q, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from docportal.models import User
from docportal.views import paging
from docportal.views.pair_filters import STATES, WAITING, Filters, in_state
from ingestion.models import Document
from training.models import PairQuerySet, QAPair

PAGE = 25
REVIEWERS = 20
LATEST = 20


@dataclass(frozen=True, slots=True)
class Row:
    document: Document
    counts: Sequence[tuple[Filters, int]]
    """Of its pairs, by state, in the order of `STATES`; each with what finds just these."""


def progress(user: User, filters: Filters, after: str) -> dict[str, object]:
    """Of the pairs in any state that fit the other filters and that `user` may read."""
    pairs = filters.in_any_state(user)
    page = _documents(pairs, after)
    reviewed = pairs.filter(reviewed_at__isnull=False).order_by("-reviewed_at")
    return {
        "documents": _rows(page.rows, pairs, filters),
        "following": page.following,
        "reviewers": _reviewers(reviewed),
        "latest": reviewed.select_related("document", "reviewed_by")[:LATEST],
    }


def _documents(pairs: PairQuerySet, after: str) -> paging.Page[Document]:
    """Most to do first."""
    with_pairs = Document.objects.filter(Exists(pairs.filter(document=OuterRef("pk"))))
    waiting = with_pairs.annotate(waiting=_count(pairs, WAITING))
    return paging.page(waiting, ("-waiting", "pk"), after, PAGE)


def _rows(documents: Sequence[Document], pairs: PairQuerySet, filters: Filters) -> list[Row]:
    """Only for the documents of a page: counting the live pairs of all takes its time."""
    counts = {state: _count(pairs, state) for state, _ in STATES}
    shown = Document.objects.filter(pk__in=[document.pk for document in documents])
    counted = {row["pk"]: row for row in shown.annotate(**counts).values("pk", *counts)}

    def count(document: Document, state: str) -> tuple[Filters, int]:
        own = replace(filters, document=document.slug, state=state)
        return own, counted[document.pk][state]

    return [Row(document, [count(document, state) for state in counts]) for document in documents]


def _count(pairs: PairQuerySet, state: str) -> Combinable:
    of_document = in_state(pairs, state).filter(document=OuterRef("pk"))
    number = of_document.order_by().values("document").annotate(number=Count("pk"))
    return Coalesce(Subquery(number.values("number"), output_field=IntegerField()), 0)


def _reviewers(reviewed: PairQuerySet) -> Iterable[Mapping[str, object]]:
    people = reviewed.order_by().values("reviewed_by__username")
    return people.annotate(
        approved=Count("pk", filter=Q(review=QAPair.Review.APPROVED)),
        rejected=Count("pk", filter=Q(review=QAPair.Review.REJECTED)),
        last=Max("reviewed_at"),
    ).order_by("-last")[:REVIEWERS]
