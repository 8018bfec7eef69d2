"""How the portal is used and where it fails, for writers, whose documents can mend that.

Figures are of everybody's questions. What names a document or quotes a question is of documents
that the viewer may read, and nothing tells who asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from docportal.models import User
from docportal.views.access import TRAIN, WRITE, Request, require
from docportal.views.incidents import told_incidents
from ingestion.models import Document
from router import usage
from router.freshness import Drift, drift
from router.gaps import Gap
from router.insights import Tally, Total, by_day, by_route, cost, saving, total
from router.models import Answer, ModelVersion
from router.prices import Prices
from router.tuned import coverage_summaries, usable_by
from router.unanswered import MOST, knowledge_gaps

PERIODS = (7, 30, 90)
ROUTES = [route.value for route in Answer.Route]
# The most asked documents that are looked through for what the models do not know of them.
LOOKED_AT = 200
SHOWN = 20


@require_GET
def insights(request: Request) -> HttpResponse:
    require(request.user, WRITE)
    days = _days(request)
    since = _since(days)
    asked = usage.most_asked(since, user=request.user, most=LOOKED_AT)
    behind = drift(asked)
    found = knowledge_gaps(since, user=request.user, sees_all=request.user.has_perm(TRAIN))
    documents = _documents(request.user, [*behind, *(gap.document for gap in found.gaps)])
    context = {
        "section": "insights",
        "days": days,
        "periods": PERIODS,
        **_use(since),
        "models": _models(request.user),
        "outdated": _outdated(asked, behind, documents),
        "looked_at": LOOKED_AT,
        "gaps": _gaps(found.gaps, documents, request.user),
        "by_words": found.by_words,
        "incidents": told_incidents() if request.user.has_perm(TRAIN) else [],
        "most": MOST,
    }
    return render(request, "insights.html", context)


@require_GET
def points(request: Request) -> JsonResponse:
    """The plot's values: the days, and by route the answers of each."""
    require(request.user, WRITE)
    since = _since(_days(request))
    days, answers = zip(*_daily(since, usage.tallies(since)), strict=True)
    series = dict(zip(ROUTES, zip(*answers, strict=True), strict=True))
    return JsonResponse({"days": [f"{day:%-d %b}" for day in days], **series})


def _days(request: Request) -> int:
    asked = request.GET.get("days", "")
    return next((days for days in PERIODS if str(days) == asked), 30)


def _since(days: int) -> datetime:
    """The beginning of the first of so many days, the last of which is today."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days - 1)


# --- Use ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RouteUse:
    """The answers by one route. `ms`: the median and the 95th percentile of their time."""

    label: str
    total: Total
    share: float
    ms: Sequence[float]


def _use(since: datetime) -> dict[str, object]:
    tallies = usage.tallies(since)
    totals = by_route(tallies, ROUTES)
    latencies, together = usage.latencies(since, totals), total(tallies)
    prices = Prices(**settings.PRICE_PER_MILLION_TOKENS)
    return {
        "total": together,
        "refused": totals[Answer.Route.REFUSED],
        "routes": [
            RouteUse(
                label=Answer.Route(route).label,
                total=of_route,
                share=of_route.answers / together.answers,
                ms=latencies[route],
            )
            for route, of_route in totals.items()
            if of_route.answers
        ],
        "labels": Answer.Route.labels,
        "daily": _daily(since, tallies)[::-1],
        "prices": prices,
        "cost_of_10k": cost(totals.values(), prices) / max(together.answers, 1) * 10_000,
        "saving": saving(totals, prices),
    }


def _daily(since: datetime, tallies: Iterable[Tally]) -> list[tuple[date, list[int]]]:
    return by_day(tallies, ROUTES, first=since.date(), last=timezone.now().date())


# --- What the models know ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Passages that a serving model was taught, and those of them that no document says now."""

    model: ModelVersion
    passages: int
    stale: int

    @property
    def stale_share(self) -> float:
        return self.stale / self.passages if self.passages else 0.0


def _models(user: User) -> list[Knowledge]:
    """Those that may answer the viewer: what others know is none of his business."""
    serving = usable_by(user)
    known = coverage_summaries(serving)
    return [Knowledge(one, known[one.pk]["chunks"], known[one.pk]["stale"]) for one in serving]


@dataclass(frozen=True, slots=True)
class Outdated:
    """A document that is asked for and that the serving models are behind."""

    document: Document
    asked: int
    drift: Drift


def _outdated(
    asked: Mapping[int, int], behind: Mapping[int, Drift], documents: Mapping[int, Document]
) -> list[Outdated]:
    """The most asked first, which is the order of `asked`."""
    rows = [
        Outdated(documents[pk], times, behind[pk])
        for pk, times in asked.items()
        if pk in behind and pk in documents
    ]
    return rows[:SHOWN]


# --- Knowledge gaps ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offered:
    """A gap, and the document whose writer it is offered to; None: nothing is near it."""

    gap: Gap
    document: Document | None
    is_own: bool


def _gaps(gaps: Iterable[Gap], documents: Mapping[int, Document], user: User) -> list[Offered]:
    """The viewer's own first, otherwise as they come."""
    offered = []
    for gap in gaps:
        document = documents.get(gap.document) if gap.document else None
        is_own = document is not None and document.owner_id == user.pk
        offered.append(Offered(gap, document, is_own))
    return sorted(offered, key=lambda one: not one.is_own)[:SHOWN]


def _documents(user: User, wanted: Iterable[int | None]) -> dict[int, Document]:
    readable = Document.objects.readable_by(user).select_related("owner", "collection")
    return readable.in_bulk({pk for pk in wanted if pk is not None})
