"""The audit log, for admins: who did what and when. Of documents and collections only those that
the admin may read."""

from datetime import date, datetime, time, timedelta

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET

from docportal.views import paging
from docportal.views.access import OPERATE, Request, require
from docportal.views.typed import words_of
from ingestion.models import AuditEvent, AuditEventQuerySet
from router.text import storable

PAGE = 50
# Rows are only ever added, so this is the order of time as well.
ORDER = ("-pk", "pk")


@require_GET
def audit_log(request: Request) -> HttpResponse:
    require(request.user, OPERATE)
    chosen = {name: storable(str(value)) for name, value in request.GET.dict().items()}
    readable = AuditEvent.objects.readable_by(request.user)
    events = _fitting(readable, chosen).select_related("document", "collection")
    page = paging.page(events, ORDER, chosen.get("after", ""), PAGE)
    context = {
        "section": "audit_log",
        "events": page.rows,
        "following": page.following,
        "people": readable.order_by("actor_name").values_list("actor_name", flat=True).distinct(),
        "verbs": readable.order_by("verb").values_list("verb", flat=True).distinct(),
        "chosen": chosen,
        "narrowed": any(chosen.get(name) for name in ("who", "verb", "text", "from", "to")),
    }
    return render(request, "audit_log.html", context)


def _fitting(events: AuditEventQuerySet, chosen: dict[str, str]) -> AuditEventQuerySet:
    """What cannot be read as a choice leaves nothing out."""
    if who := chosen.get("who"):
        events = events.filter(actor_name="" if who == "-" else who)
    if verb := chosen.get("verb"):
        events = events.filter(verb=verb)
    for word in words_of(chosen.get("text", "")):
        events = events.filter(Q(detail__icontains=word) | Q(document__title__icontains=word))
    if first := _day(chosen.get("from", "")):
        events = events.filter(at__gte=_begin(first))
    last = _day(chosen.get("to", ""))
    # The last day that there is ends no sooner than what was kept.
    if last and last < date.max:
        events = events.filter(at__lt=_begin(last) + timedelta(days=1))
    return events


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
