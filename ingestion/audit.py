"""Who did what: one row for each verb that a person used."""

from django.contrib.auth.models import AbstractBaseUser

from ingestion.models import AuditEvent, Collection, Document

Actor = AbstractBaseUser | None


def record(
    actor: Actor,
    verb: str,
    *,
    document: Document | None = None,
    collection: Collection | None = None,
    detail: str = "",
) -> None:
    """Add a row within the caller's transaction. No actor: the product did it by itself."""
    AuditEvent.objects.create(
        actor_id=actor.pk if actor else None,
        actor_name=actor.get_username() if actor else "",
        verb=verb,
        document=document,
        collection=collection,
        detail=detail[:500],
    )
