"""What fails behind the answers, kept for admins. Writing it down never breaks an answer.

A row stands open from the first failure until the same thing succeeds. A process that sees only
successes asks the database once in a while whether another one has left something open, and
writes nothing.
"""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from router import model_store, tuned
from router.drafts import Draft
from router.models import Incident, ModelVersion

logger = logging.getLogger(__name__)

Kind = Incident.Kind

CLOSED_DAYS = 7
LOOK_SECONDS = 60.0
_MAX_DETAIL = 300
# When this process last saw that nothing of a kind and subject is open, on the monotonic clock.
_looked: dict[tuple[str, str], float] = {}


# --- In ------------------------------------------------------------------------------------------
def note(draft: Draft) -> None:
    """What failed and what succeeded behind an answer."""
    for attempt in draft.attempts:
        if attempt.fault:
            report(Kind.MODEL_SERVER, attempt.model, attempt.fault)
        elif attempt.written:
            settle(Kind.MODEL_SERVER, attempt.model)
    if draft.found.degraded:
        report(Kind.EMBEDDING_SERVER, settings.EMBEDDINGS_MODEL)
    elif draft.found.vector is not None:
        settle(Kind.EMBEDDING_SERVER, settings.EMBEDDINGS_MODEL)


def report_start(name: str, problem: str) -> None:
    """That the server of a tuned version does not start, and which of its files are gone."""
    try:
        files = ModelVersion.objects.filter(name=name).values_list("files", flat=True).first()
    except DatabaseError as error:
        logger.warning("What is wrong with %s is not written down: %s", name, error)
        return
    if missing := model_store.missing(name, files or {}):
        report(Kind.TUNED_FILES, name, f"Missing: {', '.join(missing)}")
    else:
        report(Kind.TUNED_SERVER, name, problem)


def report(kind: Kind, subject: str, detail: str = "") -> None:
    """One more failure, of the open row if there is one."""
    _looked.pop((kind, subject), None)
    try:
        _write(kind, subject, detail[:_MAX_DETAIL])
    except DatabaseError as error:
        logger.warning("That %s (%s) fails is not written down: %s", subject, kind, error)


def settle(kind: Kind, subject: str, *, look_seconds: float = LOOK_SECONDS) -> None:
    """That it works: closes the open row, if there is one.

    Within `look_seconds` after the last look nothing is asked, unless it failed in between.
    """
    now = time.monotonic()
    looked = _looked.get((kind, subject))
    if looked is not None and now - looked < look_seconds:
        return
    try:
        if _open(kind, subject).exists():
            _open(kind, subject).update(closed_at=timezone.now())
    except DatabaseError as error:
        logger.warning("That %s (%s) works is not written down: %s", subject, kind, error)
        return
    _looked[kind, subject] = now


def _write(kind: Kind, subject: str, detail: str) -> None:
    if _counted(kind, subject, detail):
        return
    try:
        with transaction.atomic():
            Incident.objects.create(kind=kind, subject=subject, detail=detail)
    except IntegrityError:
        # Another process was first.
        _counted(kind, subject, detail)


def _counted(kind: Kind, subject: str, detail: str) -> bool:
    values = {"count": F("count") + 1, "last_at": timezone.now(), "detail": detail}
    return bool(_open(kind, subject).update(**values))


def _open(kind: Kind, subject: str) -> QuerySet[Incident]:
    return Incident.objects.filter(kind=kind, subject=subject, closed_at=None)


# --- Out -----------------------------------------------------------------------------------------
def standing() -> list[Incident]:
    """Those that are open, the latest first. What is in use no more fails nobody."""
    models = [settings.LLM_MODEL, settings.EMBEDDINGS_MODEL, *tuned.versions_to_load()]
    in_use = [*models, str(settings.INDEX_DIR)]
    return list(Incident.objects.filter(closed_at=None, subject__in=in_use))


def over() -> list[Incident]:
    """Those that ended within the last `CLOSED_DAYS` days, the latest first."""
    since = timezone.now() - timedelta(days=CLOSED_DAYS)
    return list(Incident.objects.filter(closed_at__gte=since).order_by("-closed_at"))
