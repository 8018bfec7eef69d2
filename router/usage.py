"""Questions and answers of a period, counted by the database."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Count, F, Q, Sum, Window
from django.db.models.functions import RowNumber, TruncDate

from ingestion.models import Document, Reader
from router.insights import Tally, Total, ranks
from router.models import Answer, Citation, Feedback

Verdict = Feedback.Verdict


def tallies(since: datetime) -> list[Tally]:
    """Of each day and route that had answers. One query."""
    answers = Answer.objects.filter(answered_at__gte=since).annotate(day=TruncDate("answered_at"))
    rows = answers.order_by("day", "route").values_list("day", "route")
    counted = rows.annotate(
        answers=Count("pk"),
        prompt=Sum("prompt_tokens"),
        completion=Sum("completion_tokens"),
        up=Count("feedback", filter=Q(feedback__verdict=Verdict.UP)),
        down=Count("feedback", filter=Q(feedback__verdict=Verdict.DOWN)),
        tuned_prompt=Sum("tuned_prompt_tokens"),
        tuned_completion=Sum("tuned_completion_tokens"),
    )
    return [Tally(*row) for row in counted]


def latencies(since: datetime, totals: Mapping[str, Total]) -> dict[str, list[float]]:
    """Milliseconds from question to answer: `router.insights.PERCENTILES` of each route that has
    answers, which `totals` counts. One query."""
    wanted = {route: ranks(one.answers) for route, one in totals.items() if one.answers}
    places = Q(pk__in=[])
    for route, of_route in wanted.items():
        places |= Q(route=route, place__in=of_route)
    ranked = (
        Answer.objects.filter(answered_at__gte=since)
        .annotate(
            place=Window(RowNumber(), partition_by="route", order_by=(F("total_ms"), F("pk")))
        )
        .filter(places)
    )
    found = {
        (route, place): ms for route, place, ms in ranked.values_list("route", "place", "total_ms")
    }
    return {
        route: [found[route, place] for place in of_route if (route, place) in found]
        for route, of_route in wanted.items()
    }


def most_asked(since: datetime, *, user: Reader, most: int) -> dict[int, int]:
    """The documents that `user` may read and that bore out most answers, with how many, by
    primary key. One query."""
    cited = Citation.objects.filter(
        supports=True,
        answer__answered_at__gte=since,
        chunk__version__document__in=Document.objects.readable_by(user).filter(archived_at=None),
    )
    document = "chunk__version__document"
    asked = cited.order_by().values(document).annotate(asked=Count("answer", distinct=True))
    return dict(asked.order_by("-asked", document).values_list(document, "asked")[:most])
