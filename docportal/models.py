"""The account of a person, the tokens by which programs act as that person, and what the product
finds about itself.

Everything about documents lives in `ingestion`.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group, Permission
from django.db import models
from django.db.models import F, Model, Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property

from ingestion.prepared import Prepared

LONGEST_DAYS = 365
LONGEST_NAME = 100


class User(AbstractUser):
    """A person who asks, writes or administers; what they may do follows from their groups."""

    def has_perm(self, perm: str, obj: Model | None = None) -> bool:
        """As Django's, with one short query for all that this person may do; every page asks."""
        if obj is not None or not self.is_active or self.is_superuser:
            return super().has_perm(perm, obj)
        return perm in self._granted

    @cached_property
    def _granted(self) -> frozenset[str]:
        return frozenset(f"{app}.{codename}" for app, codename in _permissions.rows([self.pk]))


def _permissions_of(people: Sequence[int]) -> QuerySet[Permission, tuple[str, str]]:
    groups = User.groups.through.objects.filter(user__in=people).values("group")
    by_group = Group.permissions.through.objects.filter(group__in=groups).values("permission")
    own = User.user_permissions.through.objects.filter(user__in=people).values("permission")
    granted = Permission.objects.filter(Q(pk__in=by_group) | Q(pk__in=own)).order_by()
    return granted.values_list("content_type__app_label", "codename")


_permissions = Prepared(_permissions_of)


class TokenQuerySet(models.QuerySet["ApiToken"]):
    def valid(self) -> Self:
        return self.filter(
            revoked_at=None, expires_at__gt=timezone.now(), user__is_active=True
        ).select_related("user")


class ApiToken(models.Model):
    """By which a program acts as `user`, within the scopes, until it expires or is revoked.

    Only the hash of the secret is kept: whoever reads the database cannot act as anybody.
    """

    class Scope(models.TextChoices):
        READ = "read", "Search and read documents"
        ASK = "ask", "Ask questions"
        WRITE = "write", "Upload documents, review pairs"
        TRAIN = "train", "Runs and models"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=LONGEST_NAME)
    prefix = models.CharField(max_length=12, help_text="The secret's beginning, to know it by.")
    sha256 = models.CharField(max_length=64, unique=True, help_text="Of the secret.")
    scopes = models.CharField(max_length=40, help_text="Names with spaces between them.")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = [
            models.CheckConstraint(
                name="token_scopes_known",
                condition=Q(scopes__regex=r"^(read|ask|write|train)( (read|ask|write|train))*$"),
            ),
            models.CheckConstraint(
                name="token_expires_within_a_year",
                condition=Q(
                    expires_at__gt=F("created_at"),
                    expires_at__lte=F("created_at") + timedelta(days=LONGEST_DAYS),
                ),
            ),
            models.CheckConstraint(name="token_has_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"

    @property
    def is_valid(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()

    def allows(self, scope: str) -> bool:
        return scope in self.scopes.split()

    @property
    def scope_labels(self) -> list[str]:
        return [str(self.Scope(scope).label) for scope in self.scopes.split()]


class Worker(models.Model):
    """A worker process, by the name that celery gives it, and when it last said that it lives."""

    name = models.CharField(max_length=200, unique=True)
    seen_at = models.DateTimeField(default=timezone.now)

    # Said here because the types' plugin gives none to the module of the account.
    objects: ClassVar[models.Manager["Worker"]] = models.Manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class IntegrityCheck(models.Model):
    """One look at whether database and files agree, asked for by a person or by the night."""

    requested_at = models.DateTimeField(default=timezone.now)
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    checked = models.PositiveBigIntegerField(default=0)
    problems = models.JSONField(default=list, help_text='[{"kind", "what", "repaired"}]')

    objects: ClassVar[models.Manager["IntegrityCheck"]] = models.Manager()

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"integrity check {self.pk}"
