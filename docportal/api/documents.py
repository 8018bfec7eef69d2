"""Collections, documents and their versions; search."""

from datetime import datetime
from typing import Annotated, BinaryIO, Literal, cast

from asgiref.sync import sync_to_async
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponseBase
from ninja import File, Form, Query, Router, Schema, UploadedFile
from ninja.responses import Status

from docportal.api.access import ApiRequest, needs
from docportal.api.listing import LIMIT, After, Limit, Listed, listed
from docportal.api.versions import VersionOut, version_out
from docportal.results import searched
from docportal.views.access import (
    WRITE,
    readable_collection,
    readable_document,
    readable_version,
    require,
)
from docportal.views.documents import download
from docportal.views.exports import exported
from docportal.views.library_rows import fitting, newest
from docportal.views.rendering import plain_text
from ingestion import services
from ingestion.models import Collection, DocumentVersion
from router import retrieval
from router.text import storable

router = Router(tags=["documents"])


# --- Shapes -----------------------------------------------------------------------------------


class CollectionOut(Schema):
    slug: str
    name: str
    policy: str
    trainable: bool
    documents: int


class DocumentOut(Schema):
    document: str
    collection: str
    path: str
    title: str
    type: str
    owner: str | None
    created: datetime
    archived: bool
    served: int | None
    newest: VersionOut


class TextOut(Schema):
    document: str
    version: int
    served: bool
    text: str


class UploadOut(Schema):
    outcome: str
    document: str
    version: VersionOut


class HitOut(Schema):
    path: str
    document: str
    version: int
    heading: str
    page: int | None
    text: str
    score: float


class SearchOut(Schema):
    hits: list[HitOut]
    ms: float
    degraded: bool
    behind: bool


def _collection(row: Collection) -> CollectionOut:
    count: int = row.count  # type: ignore[attr-defined]
    return CollectionOut(
        slug=row.slug,
        name=row.name,
        policy=row.policy,
        trainable=row.trainable,
        documents=count,
    )


def _document(newest: DocumentVersion) -> DocumentOut:
    """Of a row of `library_rows.newest`."""
    document = newest.document
    served: int | None = newest.served_number  # type: ignore[attr-defined]
    return DocumentOut(
        document=document.slug,
        collection=document.collection.slug,
        path=document.path,
        title=document.title,
        type=document.doc_type,
        owner=document.owner.get_username() if document.owner else None,
        created=document.created_at,
        archived=document.archived_at is not None,
        served=served,
        newest=version_out(newest),
    )


# --- Collections ------------------------------------------------------------------------------


def _collections(request: ApiRequest) -> QuerySet[Collection]:
    there = Count("documents", filter=Q(documents__archived_at=None))
    return Collection.objects.readable_by(request.auth).annotate(count=there)


@router.get("/collections", response=Listed[CollectionOut])
def list_collections(
    request: ApiRequest, after: After = "", limit: Limit = LIMIT
) -> Listed[CollectionOut]:
    """Those that you may read, by name."""
    return listed(_collections(request), ("name", "pk"), _collection, after, limit)


@router.get("/collections/{slug}", response=CollectionOut)
def get_collection(request: ApiRequest, slug: str) -> CollectionOut:
    readable_collection(request.auth, slug)
    return _collection(_collections(request).get(slug=slug))


@router.get("/collections/{slug}/export")
async def export_collection(request: ApiRequest, slug: str) -> HttpResponseBase:
    """All versions of its documents and their pairs, as a zip file with a manifest; for writers."""
    return await exported(request.auth, slug)


# --- Documents --------------------------------------------------------------------------------


class Narrowed(Schema):
    """`state` is that of the newest version, or `archived`; each word of `text` stands in title
    or path."""

    collection: str = ""
    type: str = ""
    state: Literal["", "queued", "parsing", "indexing", "ready", "failed", "archived"] = ""
    text: str = ""


@router.get("/documents", response=Listed[DocumentOut])
def list_documents(
    request: ApiRequest,
    filters: Annotated[Narrowed, Query()],
    after: After = "",
    limit: Limit = LIMIT,
) -> Listed[DocumentOut]:
    """The last changed first."""
    rows = fitting(newest(request.auth).select_related("document__owner"), filters.dict())
    among = DocumentVersion.objects.readable_by(request.auth)
    return listed(rows, ("-pk", "pk"), _document, after, limit, among)


@router.get("/documents/{slug}", response=DocumentOut)
def get_document(request: ApiRequest, slug: str) -> DocumentOut:
    document = readable_document(request.auth, slug)
    return _document(newest(request.auth).get(document=document))


@router.post("/documents", response={200: UploadOut, 201: UploadOut}, auth=needs("write"))
def upload(
    request: ApiRequest,
    collection: Annotated[str, Form()],
    path: Annotated[str, Form()],
    file: Annotated[UploadedFile, File()],
    note: Annotated[str, Form(max_length=500)] = "",
) -> Status[UploadOut]:
    """Keep a file as the newest version of the document at `path`; the same bytes change nothing.

    It is read by a worker: look at the version's `state`. `outcome` is created, updated or
    unchanged; 201 unless unchanged.
    """
    readable = readable_collection(request.auth, collection)
    require(request.auth, WRITE)
    change = services.add_version(
        collection=readable,
        path=path,
        content=cast("BinaryIO", file),
        author=request.auth,
        note=storable(note),
    )
    version = change.version
    told = UploadOut(
        outcome=change.kind, document=version.document.slug, version=version_out(version)
    )
    return Status(200 if change.kind == "unchanged" else 201, told)


@router.post("/documents/{slug}/archive", response=DocumentOut, auth=needs("write"))
def archive_document(request: ApiRequest, slug: str) -> DocumentOut:
    """Take it out of search and answers; uploading it again brings it back."""
    document = readable_document(request.auth, slug)
    require(request.auth, WRITE)
    services.archive_document(document=document, actor=request.auth)
    return get_document(request, slug)


# --- Versions ---------------------------------------------------------------------------------


@router.get("/documents/{slug}/versions", response=Listed[VersionOut])
def list_versions(
    request: ApiRequest, slug: str, after: After = "", limit: Limit = LIMIT
) -> Listed[VersionOut]:
    rows = readable_document(request.auth, slug).versions.select_related("author")
    return listed(rows, ("-number", "pk"), version_out, after, limit)


@router.get("/documents/{slug}/versions/{int:number}", response=VersionOut)
def get_version(request: ApiRequest, slug: str, number: int) -> VersionOut:
    return version_out(readable_version(request.auth, slug, number))


@router.get("/documents/{slug}/versions/{int:number}/text", response=TextOut)
def get_text(request: ApiRequest, slug: str, number: int) -> TextOut:
    """The version as it was understood: headings with `#`, and its passages in order."""
    return text_of(readable_version(request.auth, slug, number))


def text_of(version: DocumentVersion) -> TextOut:
    return TextOut(
        document=version.document.slug,
        version=version.number,
        served=version.is_served,
        text=plain_text(version.chunks.order_by("position")),
    )


@router.get("/documents/{slug}/versions/{int:number}/original")
async def get_original(request: ApiRequest, slug: str, number: int) -> HttpResponseBase:
    """The bytes as they were uploaded."""
    return await download(await sync_to_async(readable_version)(request.auth, slug, number))


@router.post(
    "/documents/{slug}/versions/{int:number}/restore",
    response={201: VersionOut},
    auth=needs("write"),
)
def restore_version(request: ApiRequest, slug: str, number: int) -> Status[VersionOut]:
    """Make it the newest again, as a new version with the same bytes. An archived document comes
    back."""
    version = readable_version(request.auth, slug, number)
    require(request.auth, WRITE)
    restored = services.restore_version(version=version, actor=request.auth)
    return Status(201, version_out(restored))


# --- Search -----------------------------------------------------------------------------------


@router.get("/search", response=SearchOut, tags=["answers"])
def search(
    request: ApiRequest, q: str, collection: str = "", limit: Limit = 10
) -> dict[str, object]:
    """The best passages of what is served now. `degraded`: found by their words alone. `behind`:
    the index cannot be brought up to date, so what was changed lately may be missing."""
    within = readable_collection(request.auth, collection) if collection else None
    found = retrieval.search(q, user=request.auth, collection=within, limit=limit)
    return searched(found)
