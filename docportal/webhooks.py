"""What admins do with webhooks. Each verb is one transaction and records who did it.

Whoever changes an address would be told what its owner may read: so only the owner changes, tests
and repeats, and every admin may disable and remove.
"""

import secrets
from collections.abc import Collection as AbstractCollection
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from docportal import outbound
from docportal.delivering import secret_of
from docportal.models import User
from ingestion.audit import record
from ingestion.errors import UserError
from ingestion.models import Collection, Delivery, Event, Webhook
from ingestion.models.webhooks import LONGEST_URL
from ingestion.pokes import poke

TASK = "docportal.delivering.deliver_due"
CHOICES = [choice for choice in Event.choices if choice[0] != Event.TEST]


@dataclass(frozen=True, slots=True)
class WithSecret:
    """`secret` is told now and never again."""

    webhook: Webhook
    secret: str


def create(
    *,
    owner: User,
    url: str,
    events: AbstractCollection[str],
    collections: AbstractCollection[Collection],
) -> WithSecret:
    """Raises `UserError`: `bad-address`, `bad-events`, `not-readable`."""
    with transaction.atomic():
        webhook = Webhook.objects.create(
            owner=owner, url=_checked(url), events=_known(events), salt=secrets.token_hex(32)
        )
        webhook.collections.set(_readable(owner, collections))
        record(owner, "made a webhook", detail=_told(webhook))
    return WithSecret(webhook, secret_of(webhook))


def edit(
    *,
    webhook: Webhook,
    by: User,
    url: str,
    events: AbstractCollection[str],
    collections: AbstractCollection[Collection],
) -> None:
    """Raises as `create`. What waits goes to the new address. Chosen collections that its owner may
    not read now stay chosen: without any, it would tell of all."""
    with transaction.atomic():
        Webhook.objects.filter(pk=webhook.pk).update(url=_checked(url), events=_known(events))
        readable = Collection.objects.readable_by(by)
        unseen = webhook.collections.exclude(pk__in=readable.values("pk"))
        webhook.collections.set([*_readable(by, collections), *unseen])
        webhook.refresh_from_db()
        record(by, "edited a webhook", detail=_told(webhook))


def rotate(*, webhook: Webhook, by: User) -> WithSecret:
    """A new secret, by which all is signed from now on."""
    with transaction.atomic():
        webhook.salt = secrets.token_hex(32)
        webhook.save(update_fields=["salt"])
        record(by, "changed the secret of a webhook", detail=_told(webhook))
    return WithSecret(webhook, secret_of(webhook))


def disable(*, webhook: Webhook, by: User) -> None:
    """What happens from now on is not told; what waits, waits on. A second time changes nothing."""
    with transaction.atomic():
        enabled = Webhook.objects.filter(pk=webhook.pk, disabled_at=None)
        if enabled.update(disabled_at=timezone.now()):
            record(by, "disabled a webhook", detail=_told(webhook))


def enable(*, webhook: Webhook, by: User) -> None:
    with transaction.atomic():
        disabled = Webhook.objects.filter(pk=webhook.pk, disabled_at__isnull=False)
        if disabled.update(disabled_at=None):
            record(by, "enabled a webhook", detail=_told(webhook))
            poke(TASK)


def remove(*, webhook: Webhook, by: User) -> None:
    """With all of its deliveries."""
    with transaction.atomic():
        record(by, "removed a webhook", detail=_told(webhook))
        webhook.delete()


def send_test(*, webhook: Webhook, by: User) -> Delivery:
    """Have a worker send one that says nothing. Raises `UserError` (`disabled`)."""
    if webhook.disabled_at is not None:
        raise UserError("disabled", "This webhook is disabled. Enable it, then test it.")
    with transaction.atomic():
        delivery = Delivery.objects.create(webhook=webhook, event=Event.TEST)
        record(by, "tested a webhook", detail=_told(webhook))
        poke(TASK)
    return delivery


def redeliver(*, delivery: Delivery, by: User) -> None:
    """Send it once more, under the same id. Raises `UserError` (`still-waits`)."""
    with transaction.atomic():
        ended = Delivery.objects.filter(pk=delivery.pk, ended_at__isnull=False)
        if not ended.update(
            state=Delivery.State.WAITING, ended_at=None, attempts=0, due_at=timezone.now()
        ):
            raise UserError("still-waits", "This one waits already, and is sent by itself.")
        record(by, "repeated a delivery", detail=f"{delivery} of {_told(delivery.webhook)}")
        poke(TASK)


def _checked(url: str) -> str:
    url = url.strip()
    if len(url) > LONGEST_URL:
        raise UserError("bad-address", f"Give an address of at most {LONGEST_URL} characters.")
    outbound.check(url)
    return url


def _known(events: AbstractCollection[str]) -> str:
    known = [event for event, _ in CHOICES if event in events]
    if not known or len(known) < len(set(events)):
        raise UserError("bad-events", "Choose at least one event of the list.")
    return " ".join(known)


def _readable(
    owner: User, collections: AbstractCollection[Collection]
) -> AbstractCollection[Collection]:
    wanted = {collection.pk for collection in collections}
    if Collection.objects.readable_by(owner).filter(pk__in=wanted).count() < len(wanted):
        raise UserError("not-readable", "Choose collections that you may read.")
    return collections


def _told(webhook: Webhook) -> str:
    return f"{webhook.pk} to {webhook.host}"
