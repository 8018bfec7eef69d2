"""What happens is told to webhooks: a row for each telling, in the transaction of what happened, so
that none is lost and none made up. A worker sends it, if the webhook's owner may still read what it
is about."""

from collections.abc import Collection as AbstractCollection
from collections.abc import Mapping
from typing import Any

from ingestion.models import Delivery, Event, Webhook


def announce(
    event: Event, *, collections: AbstractCollection[int], facts: Mapping[str, Any]
) -> None:
    """Have the webhooks told that listen to it, in the caller's transaction. `collections` are
    those that it is about, by primary key."""
    listening = [
        webhook
        for webhook in Webhook.objects.filter(disabled_at=None).prefetch_related("collections")
        if event in webhook.events.split() and _is_for(webhook, collections)
    ]
    Delivery.objects.bulk_create(
        Delivery(webhook=webhook, event=event, collections=sorted(collections), facts=dict(facts))
        for webhook in listening
    )


def _is_for(webhook: Webhook, collections: AbstractCollection[int]) -> bool:
    chosen = {collection.pk for collection in webhook.collections.all()}
    return not chosen or bool(chosen.intersection(collections))
