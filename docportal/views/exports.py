"""A collection as a download, for those who write it."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from docportal.exports.contents import Export
from docportal.exports.writing import zipped
from docportal.models import User
from docportal.views.access import REVIEW, WRITE, current_user, readable_collection, require
from ingestion.audit import record
from ingestion.connections import release_connection
from ingestion.models import Collection


@require_GET
async def export_collection(request: HttpRequest, slug: str) -> StreamingHttpResponse:
    return await exported(await current_user(request), slug)


async def exported(user: User, slug: str) -> StreamingHttpResponse:
    """All versions of the documents and their pairs, as a zip file; recorded as done by `user`.

    Raises `Http404` for who may not read the collection, `PermissionDenied` for who writes none.
    """
    collection = await sync_to_async(_begin)(user, slug)
    pieces = zipped(Export(collection).entries())
    response = StreamingHttpResponse(_stream(pieces), content_type="application/zip")
    name = f"{collection.slug}-{timezone.now():%Y%m%d}.zip"
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Cache-Control"] = "no-store"
    return response


def _begin(user: User, slug: str) -> Collection:
    collection = readable_collection(user, slug)
    require(user, WRITE)
    require(user, REVIEW)
    record(user, "exported", collection=collection)
    return collection


async def _stream(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await sync_to_async(_next)(pieces):
        yield piece


def _next(pieces: Iterator[bytes]) -> bytes:
    try:
        return next(pieces, b"")
    finally:
        # A download may take long; it must not keep a connection of the pool as long.
        release_connection()
