"""The way of one delivery of a webhook, on one page: claimed, allowed, signed, sent, noted.

Whoever receives it gets it at least once: a worker that is killed after it has sent and before it
has noted leaves the row to the next one, which sends the same again under the same id.
"""

import hashlib
import hmac
import json
import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from asgiref.sync import async_to_sync
from celery import shared_task
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from docportal import outbound
from ingestion import leases
from ingestion.errors import UserError
from ingestion.models import Collection, Delivery, Webhook

logger = logging.getLogger(__name__)

# Who has it may have webhooks, and is told while that lasts.
TELL = "ingestion.add_webhook"

State = Delivery.State
# Within some fifteen hours, the pause four times as long after each, up to six hours.
MAX_ATTEMPTS = 8
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=6)
KEPT = timedelta(days=30)
# A worker has other things to do; the next sweep goes on.
SWEEP_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Claim:
    delivery: Delivery
    fence: int


@shared_task
def deliver_due() -> None:
    """Send what is due, in the order in which it happened; forget what is old.

    Of a webhook that does not take one, the rest waits for the next sweep.
    """
    Delivery.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    # One worker at a time: those that wait for an answer must not be all.
    if Delivery.objects.filter(state=State.WAITING, lease_until__gt=timezone.now()).exists():
        return
    failing: set[int] = set()
    until = time.monotonic() + SWEEP_SECONDS
    while time.monotonic() < until:
        enabled = _due().filter(webhook__disabled_at=None).exclude(webhook__in=failing)
        following = enabled.order_by("pk").first()
        if following is None:
            return
        if not deliver(following.pk):
            failing.add(following.webhook_id)


def _due() -> QuerySet[Delivery]:
    return Delivery.objects.filter(leases.ended(), state=State.WAITING, due_at__lte=timezone.now())


def deliver(delivery_id: int) -> bool:
    """Send one that is due; whether there is nothing more to do for it."""
    if (
        not _due()
        .filter(pk=delivery_id)
        .update(fence=F("fence") + 1, attempts=F("attempts") + 1, lease_until=leases.until())
    ):
        return True
    delivery = Delivery.objects.select_related("webhook__owner").get(pk=delivery_id)
    job = Claim(delivery, delivery.fence)
    if delivery.attempts > MAX_ATTEMPTS:
        return _end(job, State.GIVEN_UP, problem="The worker ended each time that it was sent.")
    if not _may_be_told(delivery):
        return _end(job, State.WITHHELD)
    try:
        status = async_to_sync(outbound.post)(delivery.webhook.url, *signed(delivery))
    except (outbound.NotSent, UserError) as error:
        return _failed(job, None, str(error))
    if 200 <= status < 300:
        return _end(job, State.DELIVERED, status=status, problem="")
    return _failed(job, status, "It did not answer with 2xx.")


def _may_be_told(delivery: Delivery) -> bool:
    """As of now: who lost a group or the role since it happened is not told."""
    owner = delivery.webhook.owner
    readable = set(Collection.objects.readable_by(owner).values_list("pk", flat=True))
    return owner.has_perm(TELL) and readable.issuperset(delivery.collections)


# --- What is sent -----------------------------------------------------------------------------
def secret_of(webhook: Webhook) -> str:
    """By which its receiver knows that it was us."""
    made = salted_hmac("docportal.webhook", webhook.salt, algorithm="sha256").hexdigest()
    return f"whsec_{made}"


def signed(delivery: Delivery) -> tuple[bytes, dict[str, str]]:
    """Body and headers. The body is the same in each attempt; the signature says when it was."""
    body = json.dumps(
        {
            "id": str(delivery.key),
            "event": delivery.event,
            "at": delivery.created_at.isoformat(),
            "data": delivery.facts,
        }
    ).encode()
    now = str(int(time.time()))
    signature = hmac.new(
        secret_of(delivery.webhook).encode(), f"{now}.".encode() + body, hashlib.sha256
    )
    return body, {
        "Content-Type": "application/json",
        "User-Agent": "docportal",
        "Docportal-Event": delivery.event,
        "Docportal-Delivery": str(delivery.key),
        "Docportal-Signature": f"t={now},v1={signature.hexdigest()}",
    }


# --- What became of it --------------------------------------------------------------------------
def _end(job: Claim, state: str, **values: Any) -> bool:
    _write(job, state=state, ended_at=timezone.now(), **values)
    return True


def _failed(job: Claim, status: int | None, problem: str) -> bool:
    """Again later, unless it was tried often enough."""
    attempts = job.delivery.attempts
    if attempts >= MAX_ATTEMPTS:
        _end(job, State.GIVEN_UP, status=status, problem=problem)
    else:
        _write(job, due_at=timezone.now() + pause(attempts), status=status, problem=problem)
    return False


def pause(attempts: int) -> timedelta:
    """After so many of them."""
    grown: timedelta = FIRST_PAUSE * 4 ** (attempts - 1)
    return min(grown, LONGEST_PAUSE)


def _write(job: Claim, **values: Any) -> None:
    mine = Delivery.objects.filter(pk=job.delivery.pk, fence=job.fence)
    if not mine.update(lease_until=None, **values):
        logger.warning("Another worker has %s by now.", job.delivery)
