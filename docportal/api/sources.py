"""What collections follow by themselves: how it stands, and syncing it now."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.http import Http404
from ninja import Router, Schema
from ninja.responses import Status

from docportal.api.access import ApiRequest, needs
from docportal.api.listing import LIMIT, After, Limit, Listed, listed
from docportal.models import User
from docportal.views.access import WRITE, readable_collection, require
from ingestion.models import Source, SourceFile, SourceQuerySet
from ingestion.sources import services

router = Router(tags=["sources"])


class SourceOut(Schema):
    """`state` is idle, queued, syncing or asking; then `asked` documents are gone from the source,
    and a person decides on the source's page. `report` tells what the last change was."""

    collection: str
    kind: str
    location: str
    branch: str
    subfolder: str
    every_minutes: int
    state: str
    commit: str
    documents: int
    asked: int
    looked: datetime | None
    changed: datetime | None
    next: datetime | None
    failure: str
    report: dict[str, Any]


def _sources(user: User) -> SourceQuerySet:
    asked = Count("files", filter=Q(files__answer=SourceFile.Answer.ASKED))
    return (
        Source.objects.readable_by(user)
        .select_related("collection")
        .annotate(count=Count("files"), asked=asked)
    )


def _source(row: Source) -> SourceOut:
    count: int = row.count  # type: ignore[attr-defined]
    asked: int = row.asked  # type: ignore[attr-defined]
    return SourceOut(
        collection=row.collection.slug,
        kind=row.kind,
        location=row.location,
        branch=row.branch,
        subfolder=row.subfolder,
        every_minutes=row.every_minutes,
        state=row.state,
        commit=row.commit,
        documents=count,
        asked=asked,
        looked=row.looked_at,
        changed=row.changed_at,
        next=row.next_at,
        failure=row.failure,
        report=row.report,
    )


@router.get("/sources", response=Listed[SourceOut])
def list_sources(request: ApiRequest, after: After = "", limit: Limit = LIMIT) -> Listed[SourceOut]:
    """Those of collections that you may read."""
    require(request.auth, WRITE)
    return listed(_sources(request.auth), ("collection__name", "pk"), _source, after, limit)


@router.post("/collections/{slug}/source/sync", response={202: SourceOut}, auth=needs("write"))
def sync_source(request: ApiRequest, slug: str) -> Status[SourceOut]:
    """Have a worker look at it now; one that is under way goes on. Look at its `state`."""
    collection = readable_collection(request.auth, slug)
    require(request.auth, WRITE)
    source = Source.objects.filter(collection=collection).first()
    if source is None:
        raise Http404
    services.request_sync(source=source)
    return Status(202, _source(_sources(request.auth).get(pk=source.pk)))
