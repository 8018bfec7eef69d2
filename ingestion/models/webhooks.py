"""Webhooks: addresses of programs that are told what happened, and what each is to be told."""

import uuid
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

LONGEST_URL = 500


class Event(models.TextChoices):
    """`TEST` is sent by hand alone."""

    READY = "document.ready", "A version of a document is ready"
    FAILED = "document.failed", "A version of a document failed"
    PROMOTED = "model.promoted", "A model was promoted"
    ROLLED_BACK = "model.rolled_back", "A model was rolled back"
    RUN_ENDED = "run.ended", "A training run ended"
    TEST = "test", "A test"


class Webhook(models.Model):
    """It tells no more than `owner` may read. `salt` makes its secret, with the key of the
    installation: the database alone does not hold it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=LONGEST_URL)
    events = models.CharField(max_length=200, help_text="Names with spaces between them.")
    collections = models.ManyToManyField(
        "ingestion.Collection", blank=True, help_text="None: all that the owner may read."
    )
    salt = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    disabled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.CheckConstraint(name="webhook_has_events", condition=~Q(events="")),
            models.CheckConstraint(
                name="webhook_address", condition=Q(url__regex=r"^https?://[^/]")
            ),
        ]

    def __str__(self) -> str:
        return f"webhook {self.pk}"

    @property
    def host(self) -> str:
        """The rest of an address may be a secret."""
        return urlsplit(self.url).hostname or ""


class Delivery(models.Model):
    """One telling, which is also the job of sending it: claimed by a conditional UPDATE that
    raises `fence`, and sent again under the same `key` until it was taken or given up."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waits"
        DELIVERED = "delivered", "Delivered"
        GIVEN_UP = "given-up", "Given up"
        WITHHELD = "withheld", "Withheld: its owner may not read that"

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    event = models.CharField(max_length=20, choices=Event)
    facts = models.JSONField(default=dict)
    collections = models.JSONField(default=list, help_text="All of them the owner has to read.")
    created_at = models.DateTimeField(default=timezone.now)

    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="Of the last answer.")
    problem = models.CharField(max_length=200, blank=True, help_text="Of the last attempt.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        indexes = [
            models.Index(fields=["due_at"], name="delivery_waiting", condition=Q(state="waiting")),
            models.Index(fields=["created_at"], name="delivery_created"),
        ]
        constraints = [
            models.CheckConstraint(
                name="delivery_ends_once",
                condition=Q(state="waiting", ended_at=None)
                | (~Q(state="waiting") & Q(ended_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.key}"
