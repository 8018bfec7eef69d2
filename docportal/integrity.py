"""Checks of integrity that are asked for, by a person or by the night, and what they found.

The checks themselves are loaded by whoever looks: they read the index, whose libraries the web
process never loads at its start.
"""

import logging
from datetime import timedelta

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from docportal.models import IntegrityCheck
from ingestion.audit import Actor, record
from ingestion.pokes import poke

logger = logging.getLogger(__name__)

REPAIRED = "repaired"
"""The verb of a repair in the audit log."""
TASK = "docportal.integrity.run_check"
LONGEST = timedelta(hours=1)
# A month of nights.
KEPT = 30


def pending() -> IntegrityCheck | None:
    """That somebody waits for; None also when its message or worker must have been lost."""
    since = timezone.now() - LONGEST
    return IntegrityCheck.objects.filter(ended_at=None, requested_at__gt=since).first()


def request_check(*, by: Actor) -> IntegrityCheck:
    """Have a worker look, once it gets the message."""
    with transaction.atomic():
        requested = IntegrityCheck.objects.create(requested_by_id=by.pk if by else None)
        record(by, "asked for a check of integrity")
        poke(TASK, requested.pk)
    return requested


@shared_task
def run_check(check_id: int) -> None:
    """Look, and keep what was found. Twice does no harm: the second result stays out."""
    from docportal.integrity_checks import check

    report = check()
    unfinished = IntegrityCheck.objects.filter(pk=check_id, ended_at=None)
    unfinished.update(
        ended_at=timezone.now(), checked=report.checked, problems=report.problems_as_json()
    )
    if not report.is_clean:
        logger.warning("The check of integrity found %d problems.", len(report.problems))
    kept = IntegrityCheck.objects.order_by("-pk")[:KEPT]
    IntegrityCheck.objects.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()


@shared_task
def check_nightly() -> None:
    run_check(IntegrityCheck.objects.create().pk)
