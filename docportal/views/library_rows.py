"""The documents that somebody may read, each as its newest version, and narrowed by filters."""

from collections.abc import Mapping

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from docportal.models import User
from docportal.views.typed import words_of
from ingestion.models import DocumentVersion
from router.text import storable


def newest(user: User) -> QuerySet[DocumentVersion]:
    """The newest version of each readable document, with what a row of the list shows."""
    newer = DocumentVersion.objects.filter(
        document=OuterRef("document"), number__gt=OuterRef("number")
    )
    served = DocumentVersion.objects.served().filter(document=OuterRef("document"))
    return (
        DocumentVersion.objects.readable_by(user)
        .filter(~Exists(newer))
        .select_related("document__collection", "author")
        .annotate(served_number=Subquery(served.values("number")[:1]))
    )


def fitting(
    rows: QuerySet[DocumentVersion], chosen: Mapping[str, str]
) -> QuerySet[DocumentVersion]:
    """Of `newest` those that fit `collection`, `type`, `state` and the words of `text`."""
    state = chosen.get("state", "")
    rows = rows.filter(document__archived_at__isnull=state != "archived")
    if state in DocumentVersion.State.values:
        rows = rows.filter(state=state)
    if chosen.get("collection"):
        rows = rows.filter(document__collection__slug=storable(chosen["collection"]))
    if chosen.get("type"):
        rows = rows.filter(document__doc_type=storable(chosen["type"]))
    for word in words_of(chosen.get("text", "")):
        rows = rows.filter(Q(document__title__icontains=word) | Q(document__path__icontains=word))
    return rows
