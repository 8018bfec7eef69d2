"""The library: every document one may read, its state, and the way in for new ones."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import BinaryIO, cast

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.db import connection
from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import replace_url, retarget

from docportal.models import User
from docportal.views import paging
from docportal.views.access import WRITE, Request, current_user, require, tells_user_errors
from docportal.views.forms import UploadForm
from docportal.views.streaming import event, event_stream
from ingestion.errors import UploadError
from ingestion.jobs import UNFINISHED
from ingestion.models import Chunk, Collection, DocType, DocumentVersion
from ingestion.services import Change, Rejected, add_archive, add_version
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
    return render(request, "library.html", {**context, **_around(request.user)})


def _around(user: User) -> dict[str, object]:
    """What stands around the list: the choices of its filters, and the upload."""
    return {
        "section": "docs",
        "collections": Collection.objects.readable_by(user),
        "types": DocType.choices,
        "states": STATES,
        "form": UploadForm(user=user) if user.has_perm(WRITE) else None,
    }


def _listing(request: Request, *, filtered: bool = True) -> dict[str, object]:
    chosen = request.GET.dict() if filtered else {}
    order = ORDERS.get(chosen.get("sort", ""), ORDERS["recent"])
    rows = _filtered(_newest(request.user), chosen)
    page = paging.page(rows, order, chosen.get("after", ""), PAGE)
    return {
        "page": page,
        "rows": _with_freshness(page.rows),
        "chosen": chosen,
        "narrowed": any(chosen.get(name) for name in ("collection", "type", "state", "text")),
        "watch": ",".join(str(row.pk) for row in page.rows if row.state in UNFINISHED),
    }


def _with_freshness(
    rows: Sequence[DocumentVersion],
) -> list[tuple[DocumentVersion, Freshness]]:
    freshness = document_freshness(row.document for row in rows)
    return [(row, freshness[row.document_id]) for row in rows]


def _newest(user: User) -> QuerySet[DocumentVersion]:
    """The newest version of each readable document, with what a row of the list shows."""
    newer = DocumentVersion.objects.filter(
        document=OuterRef("document"), number__gt=OuterRef("number")
    )
    served = DocumentVersion.objects.served().filter(document=OuterRef("document"))
    passages = (
        Chunk.objects.filter(version=OuterRef("pk"))
        .order_by()
        .values("version")
        .annotate(n=Count("pk"))
    )
    return (
        DocumentVersion.objects.readable_by(user)
        .filter(~Exists(newer))
        .select_related("document__collection", "author")
        .annotate(
            served_number=Subquery(served.values("number")[:1]),
            passages=Coalesce(Subquery(passages.values("n"), output_field=IntegerField()), 0),
        )
    )


def _filtered(rows: QuerySet[DocumentVersion], chosen: dict[str, str]) -> QuerySet[DocumentVersion]:
    state = chosen.get("state", "")
    rows = rows.filter(document__archived_at__isnull=state != "archived")
    if state in DocumentVersion.State.values:
        rows = rows.filter(state=state)
    if chosen.get("collection"):
        rows = rows.filter(document__collection__slug=chosen["collection"])
    if chosen.get("type"):
        rows = rows.filter(document__doc_type=chosen["type"])
    for word in chosen.get("text", "").replace("\0", "").split():
        rows = rows.filter(Q(document__title__icontains=word) | Q(document__path__icontains=word))
    return rows


@require_POST
@tells_user_errors
def upload(request: Request) -> HttpResponse:
    require(request.user, WRITE)
    form = UploadForm(request.POST, request.FILES, user=request.user)
    if not form.is_valid():
        return _upload_again(request, form)
    results = list(_keep(form, request.user))
    _tell(request, results)
    if not request.htmx:
        return redirect("library")
    response = render(request, "library.html#uploaded", _listing(request, filtered=False))
    return replace_url(response, reverse("library"))


def _upload_again(request: Request, form: UploadForm) -> HttpResponse:
    if request.htmx:
        told = render(request, "library.html#upload_errors", {"form": form}, status=400)
        return retarget(told, "#upload-errors")
    context = {**_listing(request), **_around(request.user), "form": form}
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


def _tell(request: Request, results: list[Change | Rejected]) -> None:
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    for result in results:
        if isinstance(result, Rejected):
            messages.error(request, f"{result.path}: {result.reason}")
        else:
            counts[result.kind] += 1
    words = {"created": "new", "updated": "with a new version", "unchanged": "unchanged"}
    told = [f"{count} {words[kind]}" for kind, count in counts.items() if count]
    if told:
        messages.success(request, f"Received: {', '.join(told)}.")


@require_GET
async def events(request: HttpRequest) -> HttpResponseBase:
    """The rows named by `?watch=` whenever one changes its state, until all have settled."""
    user = await current_user(request)
    names = request.GET.get("watch", "").split(",")[:PAGE]
    watched = {int(name) for name in names if name.isascii() and name.isdecimal()}
    return event_stream(_changes(request, user, watched))


async def _changes(request: HttpRequest, user: User, watched: set[int]) -> AsyncGenerator[bytes]:
    shown: dict[int, str] = {}
    while watched:
        rows = await sync_to_async(_poll)(user, watched)
        changed = [row for row in rows if shown.get(row.pk) != row.state]
        if changed:
            shown.update((row.pk, row.state) for row in changed)
            yield event("rows", await sync_to_async(_render_rows)(request, changed))
        watched = {row.pk for row in rows if row.state in UNFINISHED}
        if watched:
            await asyncio.sleep(POLL_SECONDS)
    yield event("close", "")


def _poll(user: User, watched: set[int]) -> list[DocumentVersion]:
    try:
        return list(_newest(user).filter(pk__in=watched))
    finally:
        # A page may stay open all day; it must not keep a connection of the pool as long.
        connection.close()


def _render_rows(request: HttpRequest, rows: list[DocumentVersion]) -> str:
    context = {"rows": _with_freshness(rows)}
    return render_to_string("library.html#changed", context, request)
