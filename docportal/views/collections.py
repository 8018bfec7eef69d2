"""Collections: who may read which documents, and how they are answered."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from docportal.views.access import EDIT_COLLECTIONS, Request, readable_collection, require
from docportal.views.forms import CollectionForm
from ingestion.errors import UserError
from ingestion.models import Collection
from ingestion.services import collection_seen, create_collection, edit_collection


@require_http_methods(["GET", "POST"])
def collections(request: Request) -> HttpResponse:
    form = CollectionForm(request.POST or None)
    if request.method == "POST":
        require(request.user, EDIT_COLLECTIONS)
        if form.is_valid():
            try:
                made = create_collection(actor=request.user, **form.cleaned_data)
            except UserError as error:
                form.add_error("name", str(error))
            else:
                return _saved(request, made)
    shown = (
        Collection.objects.readable_by(request.user)
        .select_related("source")
        .prefetch_related("readers")
        .annotate(count=Count("documents", filter=Q(documents__archived_at=None)))
    )
    context = {"collections": shown, "form": form}
    return render(request, "collections.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def edit(request: Request, slug: str) -> HttpResponse:
    collection = readable_collection(request.user, slug)
    require(request.user, EDIT_COLLECTIONS)
    initial = {
        "name": collection.name,
        "readers": collection.readers.all(),
        "default_doc_type": collection.default_doc_type,
        "policy": collection.policy,
    }
    form = CollectionForm(request.POST or None, initial=initial)
    seen = request.POST.get("seen") or collection_seen(collection)
    if request.method == "POST" and form.is_valid():
        try:
            edit_collection(
                collection=collection, actor=request.user, looked_at=seen, **form.cleaned_data
            )
        except UserError as error:
            if error.id == "changed-meanwhile":
                seen = collection_seen(collection)
                form.add_error(None, str(error))
            else:
                form.add_error("name", str(error))
        else:
            return _saved(request, collection)
    context = {"collection": collection, "form": form, "seen": seen}
    return render(request, "collection.html", context, status=400 if form.errors else 200)


def _saved(request: Request, collection: Collection) -> HttpResponse:
    collection.refresh_from_db()
    if Collection.objects.readable_by(request.user).filter(pk=collection.pk).exists():
        messages.success(request, f"Saved {collection.name}.")
    else:
        messages.warning(
            request,
            f"Saved {collection.name}. You are in none of its groups, so you no longer see it.",
        )
    return redirect("collections")
