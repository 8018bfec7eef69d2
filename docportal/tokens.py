"""Tokens of programs: made, found by their secret, revoked. Each verb is recorded."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from docportal.models import LONGEST_DAYS, LONGEST_NAME, ApiToken, User
from ingestion.audit import Actor, record
from ingestion.errors import UserError

SHOWN = 10
"""So many characters of a secret are kept, that its owner knows it again: 7 of them random."""
# The time of the last use is for people: it need not be written with every request.
USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NewToken:
    """`secret` is told now and never again."""

    token: ApiToken
    secret: str


def create_token(
    *, user: User, name: str, scopes: Collection[str], days: int, by: Actor
) -> NewToken:
    """A token by which a program acts as `user`, within `scopes`, for so many days.

    Raises `UserError`: `account-closed`, `bad-name`, `bad-scopes`, `bad-days`.
    """
    if not user.is_active:
        raise UserError(
            "account-closed",
            f"The account {user.get_username()!r} is closed. Open it with `createuser` first.",
        )
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise UserError("bad-name", f"Give a name of at most {LONGEST_NAME} characters.")
    known = [scope for scope in ApiToken.Scope.values if scope in scopes]
    if not known or len(known) < len(set(scopes)):
        choices = ", ".join(ApiToken.Scope.values)
        raise UserError("bad-scopes", f"Choose what the token may do: {choices}.")
    if not 1 <= days <= LONGEST_DAYS:
        raise UserError("bad-days", f"A token lives for 1 to {LONGEST_DAYS} days.")
    secret, now = f"dp_{secrets.token_urlsafe(32)}", timezone.now()
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            prefix=secret[:SHOWN],
            sha256=_sha256(secret),
            scopes=" ".join(known),
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        record(by, "made a token", detail=f"{token} of {user}: {token.scopes}")
    return NewToken(token, secret)


def revoke_token(*, token: ApiToken, by: Actor) -> None:
    """From the next request on it is worth nothing. A second time changes nothing."""
    with transaction.atomic():
        revoked = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(
            revoked_at=timezone.now()
        )
        if revoked:
            record(by, "revoked a token", detail=f"{token} of {token.user}")


def token_of(secret: str) -> ApiToken | None:
    """The valid token with that secret, its user at hand; notes that it was used."""
    # Found by its hash: how long that takes tells nothing of a secret.
    token = ApiToken.objects.valid().filter(sha256=_sha256(secret)).first()
    if token is not None:
        now = timezone.now()
        ApiToken.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY), pk=token.pk
        ).update(last_used_at=now)
    return token


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
