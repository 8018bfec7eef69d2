"""Who guesses passwords is locked out for a while, by the name that is tried and the address.

django-axes counts (docportal/settings.py says how many and how long). A name is counted whether or
not there is such an account, and in whatever case it is typed.
"""

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt
from axes.signals import user_locked_out
from django.conf import settings
from django.db import transaction
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from ingestion.audit import Actor, record
from router.text import storable

LOCKED, LET_IN = "locked out", "let in again"


@dataclass(frozen=True, slots=True)
class Lockout:
    """`until`: then the name may be tried again from that address."""

    name: str
    address: str | None
    failures: int
    until: datetime


def lockouts() -> list[Lockout]:
    """Those that hold now, the newest first."""
    wait: timedelta = settings.AXES_COOLOFF_TIME
    counted = (
        AccessAttempt.objects.filter(attempt_time__gt=timezone.now() - wait)
        .order_by()
        .values_list("username", "ip_address")
        .annotate(failures=Sum("failures_since_start"), last=Max("attempt_time"))
        .filter(failures__gte=settings.AXES_FAILURE_LIMIT)
        .order_by("-last")
    )
    return [
        Lockout(name or "", address, failures, last + wait)
        for name, address, failures, last in counted
    ]


def let_in(*, name: str, by: Actor) -> bool:
    """Forget the failures of a name, from wherever; False: there were none."""
    name = storable(name)
    with transaction.atomic():
        forgotten, _ = AccessAttempt.objects.filter(username=name).delete()
        if forgotten:
            record(by, LET_IN, detail=name)
    return bool(forgotten)


# --- Called by django-axes ------------------------------------------------------------------------


def name_of(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """The name that is tried, in one form for all the ways to type it."""
    given = (credentials or {}).get("username") or request.POST.get("login", "")
    return unicodedata.normalize("NFKC", storable(str(given))).casefold().strip()[:150]


def told(request: HttpRequest, *_: object) -> HttpResponse:
    """Instead of the login page: how long it lasts, for a right password as for a wrong one."""
    name, address = name_of(request, None), getattr(request, "axes_ip_address", None)
    until = next(
        (one.until for one in lockouts() if (one.name, one.address) == (name, address)),
        timezone.now() + settings.AXES_COOLOFF_TIME,
    )
    seconds = max(math.ceil((until - timezone.now()).total_seconds()), 1)
    context = {"minutes": math.ceil(seconds / 60)}
    response = render(request, "account/locked.html", context, status=429)
    response["Retry-After"] = str(seconds)
    return response


def note(request: Any, username: str, ip_address: str | None, **_: Any) -> None:
    """Once for each lock: whoever goes on trying is only turned away."""
    if request.axes_failures_since_start is not None:
        record(None, LOCKED, detail=f"{username} from {ip_address or 'an unknown address'}")


def connect() -> None:
    user_locked_out.connect(note)
