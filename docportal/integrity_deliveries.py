"""Whether deliveries of webhooks are sent in time, and were taken where they say so."""

from collections.abc import Iterator
from functools import partial

from django.db.models import QuerySet
from django.utils import timezone

from docportal.delivering import LONGEST_PAUSE
from ingestion import leases
from ingestion.models import Delivery
from ingestion.problems import GRACE, Check, Problem

State = Delivery.State


def deliveries() -> Iterator[Problem]:
    """A single lease that does not end holds up those of all webhooks. One that is due too late is
    forgotten by its age before it was sent."""
    for pk in _keys(_held()):
        yield Problem("delivery-lease", f"Delivery {pk}", partial(_free, pk))
    for pk in _keys(_late()):
        yield Problem("delivery-late", f"Delivery {pk}", partial(_send_now, pk))
    for pk in _keys(_untaken()):
        yield Problem("delivery-untaken", f"Delivery {pk}")


def _keys(found: QuerySet[Delivery]) -> list[int]:
    return list(found.order_by("pk").values_list("pk", flat=True))


def _held() -> QuerySet[Delivery]:
    return Delivery.objects.filter(leases.impossible(), state=State.WAITING)


def _free(pk: int) -> bool:
    return bool(_held().filter(pk=pk).update(lease_until=None))


def _late() -> QuerySet[Delivery]:
    """Due after more than the longest pause that there is."""
    latest = timezone.now() + LONGEST_PAUSE + GRACE
    return Delivery.objects.filter(state=State.WAITING, due_at__gt=latest)


def _send_now(pk: int) -> bool:
    return bool(_late().filter(pk=pk).update(due_at=timezone.now()))


def _untaken() -> QuerySet[Delivery]:
    """Told as delivered, and by its last answer it was not. Whether to send it again is the
    owner's to say."""
    delivered = Delivery.objects.filter(state=State.DELIVERED)
    return delivered.exclude(status__gte=200, status__lt=300)


CHECKS = (Check(Delivery.objects.count, deliveries),)
