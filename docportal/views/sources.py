"""What a collection follows: its state, the question when too much is gone, and its settings.

Writers see it, sync it and answer; admins, who say who reads a collection, say what it follows.
"""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from docportal.models import User
from docportal.views.access import (
    EDIT_COLLECTIONS,
    WRITE,
    Request,
    readable_collection,
    require,
    tells_user_errors,
)
from docportal.views.forms import SourceForm
from docportal.views.typed import numbers
from ingestion.errors import UserError
from ingestion.models import Collection, Source, SourceFile
from ingestion.sources import services

SHOWN_PATHS = 20
# Of no source: what was typed is not the number of one.
NO_QUESTION = -1
FIELDS = ("kind", "location", "branch", "subfolder", "every_minutes")
# What the page showed is no more: it is told, and shown as it is now.
MEANWHILE = ("has-source", "no-source", "changed-meanwhile")


@require_http_methods(["GET", "POST"])
def source(request: Request, slug: str) -> HttpResponse:
    collection = readable_collection(request.user, slug)
    require(request.user, WRITE)
    if request.method == "POST":
        require(request.user, EDIT_COLLECTIONS)
    found = Source.objects.filter(collection=collection).first()
    initial = {name: getattr(found, name) for name in FIELDS} if found else None
    form = SourceForm(request.POST or None, initial=initial)
    seen = request.POST.get("seen", "") if request.method == "POST" else _seen(found)
    if request.method == "POST" and form.is_valid():
        try:
            _save(request.user, collection, found, form, seen)
        except UserError as error:
            form.add_error(None, str(error))
            if error.id in MEANWHILE:
                found = Source.objects.filter(collection=collection).first()
                seen = _seen(found)
        else:
            messages.success(request, "Saved. A worker looks at the source now.")
            return redirect("source", slug)
    context = {
        "section": "docs",
        "collection": collection,
        "source": found,
        "form": form,
        "seen": seen,
        "nothing_allowed": not (settings.SOURCE_ROOTS or settings.SOURCE_URLS),
        **(_state(found) if found else {}),
    }
    return render(request, "source.html", context, status=400 if form.errors else 200)


def _seen(found: Source | None) -> str:
    """Empty where there is none: the form is to add one."""
    return services.seen(found) if found else ""


def _save(
    user: User, collection: Collection, found: Source | None, form: SourceForm, seen: str
) -> None:
    if not seen:
        services.add_source(collection=collection, actor=user, **form.cleaned_data)
    elif found is None:
        raise services.removed()
    else:
        services.edit_source(source=found, actor=user, looked_at=seen, **form.cleaned_data)


def _state(source: Source) -> dict[str, object]:
    """Of the documents that it brought: how many, and those that somebody has to decide about."""
    files = source.files.order_by("document__path")
    asked = files.filter(answer=SourceFile.Answer.ASKED)
    paths = asked.values_list("document__path", flat=True)
    return {
        "documents": files.count(),
        "staying": files.filter(answer=SourceFile.Answer.STAY).count(),
        "asked": asked.count(),
        "asked_paths": list(paths[:SHOWN_PATHS]),
    }


@require_POST
@tells_user_errors
def sync(request: Request, slug: str) -> HttpResponse:
    if services.request_sync(source=_readable(request, slug)):
        messages.success(request, "A worker looks at the source now.")
    else:
        messages.info(request, "It is being synced already.")
    return redirect("source", slug)


@require_POST
@tells_user_errors
def answer(request: Request, slug: str) -> HttpResponse:
    [question, *_] = [*numbers([request.POST.get("question", "")]), NO_QUESTION]
    archive = request.POST.get("archive") == "yes"
    count = services.answer_question(
        source=_readable(request, slug),
        actor=request.user,
        question=question,
        archive=archive,
    )
    told = "will be archived" if archive else "stay as they are"
    messages.success(request, f"{count} documents {told}. The sync goes on.")
    return redirect("source", slug)


@require_POST
@tells_user_errors
def remove(request: Request, slug: str) -> HttpResponse:
    collection = readable_collection(request.user, slug)
    require(request.user, EDIT_COLLECTIONS)
    services.remove_source(source=_of(collection), actor=request.user)
    messages.success(request, "Removed. Its documents stay and are kept by hand from now on.")
    return redirect("source", slug)


def _readable(request: Request, slug: str) -> Source:
    collection = readable_collection(request.user, slug)
    require(request.user, WRITE)
    return _of(collection)


def _of(collection: Collection) -> Source:
    found = Source.objects.filter(collection=collection).first()
    if found is None:
        raise Http404
    return found
