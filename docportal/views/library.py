"""The library: every document one may read, its state, and the way in for new ones."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import BinaryIO, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import replace_url, retarget

from docportal.models import User
from docportal.views import paging
from docportal.views.access import (
    REVIEW,
    WRITE,
    Request,
    current_user,
    require,
    tells_user_errors,
)
from docportal.views.forms import UploadForm
from docportal.views.library_rows import fitting, newest
from docportal.views.streaming import event, stream_for
from docportal.views.typed import numbers
from ingestion.connections import release_connection
from ingestion.errors import UploadError
from ingestion.jobs import UNFINISHED
from ingestion.models import Collection, DocType, DocumentVersion
from ingestion.services import Change, Rejected, add_archive, add_version
from router.text import storable
from training.freshness import Freshness, document_freshness

PAGE = 50
POLL_SECONDS = 1.0
STATES = [*DocumentVersion.State.choices, ("archived", "Archived")]
ORDERS = {"recent": ("-pk", "pk"), "title": ("document__title", "pk")}


@require_GET
def library(request: Request) -> HttpResponse:
    context = _listing(request)
    if request.htmx:
        response = render(request, "library.html#listing", context)
        return replace_url(response, request.get_full_path())
    return render(request, "library.html", {**context, **_around(request)})


def _around(request: Request) -> dict[str, object]:
    """What stands around the list: the choices of its filters, and the upload, which is for the
    collection that is looked at."""
    user, chosen = request.user, request.GET.get("collection", "")
    return {
        "section": "docs",
        "collections": Collection.objects.readable_by(user),
        "types": DocType.choices,
        "states": STATES,
        "form": UploadForm(user=user, initial={"collection": chosen})
        if user.has_perm(WRITE)
        else None,
        "most_mb": settings.UPLOAD_MAX_BYTES >> 20,
        "most_total_mb": settings.UPLOAD_MAX_TOTAL_BYTES >> 20,
    }


def _listing(request: Request, *, filtered: bool = True) -> dict[str, object]:
    chosen = request.GET.dict() if filtered else {}
    order = ORDERS.get(chosen.get("sort", ""), ORDERS["recent"])
    rows = fitting(newest(request.user), chosen)
    among = DocumentVersion.objects.readable_by(request.user)
    page = paging.page(rows, order, chosen.get("after", ""), PAGE, among)
    return {
        "page": page,
        "rows": _with_freshness(page.rows),
        "chosen": chosen,
        "exportable": _exportable(request.user, storable(chosen.get("collection", ""))),
        "narrowed": any(chosen.get(name) for name in ("collection", "type", "state", "text")),
        "watch": ",".join(str(row.pk) for row in page.rows if row.state in UNFINISHED),
    }


def _exportable(user: User, slug: str) -> Collection | None:
    """The collection that is chosen, for those who may take all of it away."""
    if not (slug and user.has_perms([WRITE, REVIEW])):
        return None
    return Collection.objects.readable_by(user).filter(slug=slug).first()


def _with_freshness(
    rows: Sequence[DocumentVersion],
) -> list[tuple[DocumentVersion, Freshness]]:
    freshness = document_freshness(row.document for row in rows)
    return [(row, freshness[row.document_id]) for row in rows]


@require_POST
@tells_user_errors
def upload(request: Request) -> HttpResponse:
    require(request.user, WRITE)
    form = UploadForm(request.POST, request.FILES, user=request.user)
    if not form.is_valid():
        return _upload_again(request, form)
    results = list(_keep(form, request.user))
    _tell(request, form.cleaned_data["collection"], results)
    if not request.htmx:
        return redirect("library")
    context = {**_listing(request, filtered=False), **_around(request)}
    response = render(request, "library.html#uploaded", context)
    return replace_url(response, reverse("library"))


def _upload_again(request: Request, form: UploadForm) -> HttpResponse:
    if request.htmx:
        told = render(request, "library.html#upload_errors", {"form": form}, status=400)
        return retarget(told, "#upload-errors")
    context = {**_listing(request), **_around(request), "form": form}
    return render(request, "library.html", context, status=400)


def _keep(form: UploadForm, author: User) -> Iterable[Change | Rejected]:
    """Each file for itself: one that is refused keeps no other from being stored."""
    collection, note = form.cleaned_data["collection"], form.cleaned_data["note"]
    for path, file in form.named_files():
        content = cast("BinaryIO", file)
        try:
            if path.lower().endswith(".zip"):
                yield from add_archive(
                    collection=collection, content=content, author=author, note=note
                )
            else:
                yield add_version(
                    collection=collection, path=path, content=content, author=author, note=note
                )
        except UploadError as error:
            yield Rejected(path, str(error))


def _tell(request: Request, collection: Collection, results: list[Change | Rejected]) -> None:
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    for result in results:
        if isinstance(result, Rejected):
            messages.error(request, f"{result.path}: {result.reason}")
        else:
            counts[result.kind] += 1
    words = {"created": "new", "updated": "with a new version", "unchanged": "unchanged"}
    told = [f"{count} {words[kind]}" for kind, count in counts.items() if count]
    if told:
        messages.success(request, f"Received for {collection.name}: {', '.join(told)}.")


@require_GET
async def events(request: HttpRequest) -> HttpResponseBase:
    """The rows of the documents whose versions `?watch=` names: the newest version of each, at
    first and whenever that is another one or changes its state, until all have settled."""
    user = await current_user(request)
    names = request.GET.get("watch", "").split(",")[:PAGE]
    return stream_for(user, _changes(request, user, set(numbers(names))))


async def _changes(request: HttpRequest, user: User, watched: set[int]) -> AsyncGenerator[bytes]:
    shown: dict[int, tuple[int, str]] = {}
    while watched:
        rows, watched = await sync_to_async(_poll)(user, watched)
        changed = [row for row in rows if shown.get(row.document_id) != (row.pk, row.state)]
        if changed:
            shown.update((row.document_id, (row.pk, row.state)) for row in changed)
            yield event("rows", await sync_to_async(_render_rows)(request, changed))
        if watched:
            await asyncio.sleep(POLL_SECONDS)
    yield event("close", "")


def _poll(user: User, watched: set[int]) -> tuple[list[DocumentVersion], set[int]]:
    """The rows of the documents of the watched versions, and what is to be watched from now on."""
    try:
        versions = DocumentVersion.objects.readable_by(user).filter(pk__in=watched)
        states = dict(versions.values_list("pk", "state"))
        rows = list(newest(user).filter(document__in=versions.values("document")))
        states |= {row.pk: row.state for row in rows}
        return rows, {pk for pk, state in states.items() if state in UNFINISHED}
    finally:
        # A page may stay open all day; it must not keep a connection of the pool as long.
        release_connection()


def _render_rows(request: HttpRequest, rows: list[DocumentVersion]) -> str:
    context = {"rows": _with_freshness(rows)}
    return render_to_string("library.html#changed", context, request)
