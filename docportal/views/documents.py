"""A document: its text as it is served, its versions, what changed between them, who did what."""

import os
from collections.abc import AsyncIterator, Iterable
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_POST

from docportal.models import User
from docportal.views import paging
from docportal.views.access import (
    REVIEW,
    WRITE,
    Request,
    back,
    current_user,
    readable_document,
    readable_version,
    refused,
    require,
    tells_user_errors,
)
from docportal.views.document_facts import Learned, facts, learned
from docportal.views.forms import EditForm, PairForm, VersionForm
from docportal.views.rendering import plain_text, sections
from docportal.views.segments import Mark
from docportal.views.typed import numbers
from ingestion import services
from ingestion.connections import release_connection
from ingestion.differences import Change, compare, folded
from ingestion.errors import UserError
from ingestion.jobs import UNFINISHED
from ingestion.models import Chunk, Document, DocumentVersion
from ingestion.storage import original_path
from router.models import Query
from training import pairs

ACTIVITY = 20
VERSIONS = 20
BLOCK = 1 << 18
ORIGINAL_GONE = (
    "The original of this version is missing. An administrator can bring it back from a backup."
)
ORIGINAL_CHANGED = (
    "The original of this version is damaged. An administrator can bring it back from a backup."
)


@require_GET
def document(request: Request, slug: str) -> HttpResponse:
    """The version that is served; where none is, the newest."""
    found = readable_document(request.user, slug)
    return render(request, "document.html", _page(request, found, None))


@require_GET
def version(request: Request, slug: str, number: int) -> HttpResponse:
    shown = readable_version(request.user, slug, number)
    return render(request, "document.html", _page(request, shown.document, shown))


def _page(
    request: Request,
    document: Document,
    shown: DocumentVersion | None,
    form: VersionForm | None = None,
    pair_form: PairForm | None = None,
) -> dict[str, object]:
    versions = document.versions.select_related("author")
    newest = versions.latest("number")
    served = newest if newest.is_served else versions.served().first()
    shown = shown or served or newest
    page = paging.page(versions, ("-number", "pk"), request.GET.get("versions", ""), VERSIONS)
    timeline = sorted({*page.rows, shown, served or shown}, key=lambda one: -one.number)
    current = shown.is_served or served is None
    mark = Mark.parse(request.GET.get("mark", ""))
    chunks = list(shown.chunks.order_by("position"))
    parts = sections(chunks, mark)
    asked = Query.objects.filter(
        answer__citations__chunk__version__document=document, answer__citations__supports=True
    )
    writes = request.user.has_perm(WRITE)
    return {
        "section": "docs",
        "document": document,
        "shown": shown,
        "served": served,
        "address": reverse("document", args=[document.slug])
        if current
        else reverse("version", args=[document.slug, shown.number]),
        "newest": newest,
        "timeline": timeline,
        "earlier": page.following,
        "sections": zip(parts, _learned(request.user, shown, chunks), strict=True),
        "outline": [heading for part in parts for heading in part.headings],
        "asked": asked.values("pk").distinct().count(),
        "activity": document.events.all()[:ACTIVITY],
        "facts": facts(document, chunks, request.GET.get("facts", "")) if current else None,
        "reviews": request.user.has_perm(REVIEW),
        "pair_form": pair_form or PairForm(),
        "form": form or (VersionForm(document=document) if writes else None),
        "edit": EditForm(initial={"doc_type": document.doc_type}) if writes else None,
        "compare_with": _compared(document, shown),
        "watch": ",".join(str(pk) for pk in _awaited({newest, shown}) or _awaited(timeline)),
    }


def _awaited(versions: Iterable[DocumentVersion]) -> list[int]:
    """The keys of those that are still being read."""
    return [version.pk for version in versions if version.state in UNFINISHED]


def _learned(user: User, shown: DocumentVersion, chunks: list[Chunk]) -> list[Learned]:
    """Marks for who reviews; others read the text in peace."""
    if not (shown.is_served and user.has_perm(REVIEW)):
        return [""] * len(chunks)
    return learned(shown, chunks)


def _compared(document: Document, shown: DocumentVersion) -> DocumentVersion | None:
    """The version that a reader most likely wants the difference to: the one with a text before."""
    return _read(document).filter(number__lt=shown.number).first()


def _read(document: Document) -> QuerySet[DocumentVersion]:
    """Those that there is a text of, the newest first."""
    return document.versions.filter(state=DocumentVersion.State.READY).order_by("-number")


@require_GET
def difference(request: Request, slug: str) -> HttpResponse:
    """Any two versions beside each other or in one column; at first the newest two with a text."""
    document = readable_document(request.user, slug)
    newest = document.versions.latest("number")
    new = _numbered(document, request.GET.get("to", "")) or _read(document).first() or newest
    old = _numbered(document, request.GET.get("from", "")) or _compared(document, new) or new
    unread = {one for one in (old, new) if one.state != DocumentVersion.State.READY}
    rows = [] if unread else compare(_text(old), _text(new))
    everything = "all" in request.GET
    context = {
        "document": document,
        "newest": newest,
        "old": old,
        "new": new,
        "unread": unread,
        "view": "inline" if request.GET.get("view") == "inline" else "side",
        "everything": everything,
        "rows": rows if everything else folded(rows),
        "changes": sum(row.change is not Change.EQUAL for row in rows),
    }
    return render(request, "difference.html", context)


def _text(version: DocumentVersion) -> str:
    return plain_text(version.chunks.order_by("position"))


def _numbered(document: Document, number: str) -> DocumentVersion | None:
    return document.versions.filter(number__in=numbers([number])).first()


@require_GET
async def original(request: HttpRequest, slug: str, number: int) -> HttpResponseBase:
    """The bytes as they were uploaded: always a download, never shown inside the portal."""
    user = await current_user(request)
    version = await sync_to_async(readable_version)(user, slug, number)
    try:
        return await download(version)
    except UserError as error:
        return await sync_to_async(refused)(request, error)


async def download(version: DocumentVersion) -> StreamingHttpResponse:
    """Raises `UserError`: `original-gone`, `original-changed`."""
    file = await sync_to_async(_opened)(version)
    response = StreamingHttpResponse(_blocks(file), content_type=version.media_type)
    name = PurePosixPath(version.document.path).name
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Content-Length"] = str(version.size)
    return response


def _opened(version: DocumentVersion) -> BinaryIO:
    try:
        file = original_path(version.sha256).open("rb")
    except FileNotFoundError as error:
        raise UserError("original-gone", ORIGINAL_GONE) from error
    if os.fstat(file.fileno()).st_size != version.size:
        file.close()
        raise UserError("original-changed", ORIGINAL_CHANGED)
    return file


async def _blocks(file: BinaryIO) -> AsyncIterator[bytes]:
    read = sync_to_async(file.read, thread_sensitive=False)
    try:
        # A download may take long; it must not keep a connection of the pool as long.
        await sync_to_async(release_connection)()
        while block := await read(BLOCK):
            yield block
    finally:
        file.close()


@require_POST
def upload_version(request: Request, slug: str) -> HttpResponse:
    document = _writable(request, slug)
    form = VersionForm(request.POST, request.FILES, document=document)
    change = _added(document, form, request.user)
    if change is None:
        return render(request, "document.html", _page(request, document, None, form), status=400)
    if change.kind == "unchanged":
        messages.info(request, "These are the bytes of the newest version: nothing changed.")
    else:
        messages.success(request, f"Version {change.version.number} is being read.")
    return redirect("document", slug)


def _added(document: Document, form: VersionForm, author: User) -> services.Change | None:
    """None where the file or the note is refused, of which `form` then tells."""
    if not form.is_valid():
        return None
    try:
        return services.add_version(
            collection=document.collection,
            path=document.path,
            content=cast("BinaryIO", form.cleaned_data["file"]),
            author=author,
            note=form.cleaned_data["note"],
        )
    except UserError as error:
        form.add_error("file", str(error))
        return None


@require_POST
@tells_user_errors
def edit(request: Request, slug: str) -> HttpResponse:
    document = _writable(request, slug)
    services.edit_document(
        document=document, actor=request.user, doc_type=request.POST.get("doc_type", "")
    )
    messages.success(request, "Saved.")
    return redirect("document", slug)


@require_POST
@tells_user_errors
def archive(request: Request, slug: str) -> HttpResponse:
    services.archive_document(document=_writable(request, slug), actor=request.user)
    messages.success(request, "Archived: no longer found or answered from. Everything is kept.")
    return redirect("document", slug)


@require_POST
@tells_user_errors
def bring_back(request: Request, slug: str) -> HttpResponse:
    services.unarchive_document(document=_writable(request, slug), actor=request.user)
    messages.success(request, "Brought back: found and answered from again.")
    return redirect("document", slug)


@require_POST
@tells_user_errors
def restore(request: Request, slug: str, number: int) -> HttpResponse:
    version = readable_version(request.user, slug, number)
    require(request.user, WRITE)
    restored = services.restore_version(version=version, actor=request.user)
    messages.success(request, f"Version {number} comes back as version {restored.number}.")
    return redirect("document", slug)


@require_POST
@tells_user_errors
def retry(request: Request, slug: str, number: int) -> HttpResponse:
    version = readable_version(request.user, slug, number)
    require(request.user, WRITE)
    services.retry_version(version=version, actor=request.user)
    messages.success(request, f"Reading version {number} again.")
    return back(request, reverse("document", args=[slug]))


@require_POST
def write_pair(request: Request, slug: str) -> HttpResponse:
    document = readable_document(request.user, slug)
    require(request.user, REVIEW)
    form = PairForm(request.POST)
    if form.is_valid():
        try:
            pair = pairs.write_pair(document, by=request.user, **form.cleaned_data)
        except UserError as error:
            form.add_error(None, str(error))
        else:
            state = pair.get_review_display()
            messages.success(request, f"Kept: “{pair.question}” {state}.")
            return redirect("document", slug)
    context = _page(request, document, None, pair_form=form)
    return render(request, "document.html", context, status=400)


def _writable(request: Request, slug: str) -> Document:
    document = readable_document(request.user, slug)
    require(request.user, WRITE)
    return document
