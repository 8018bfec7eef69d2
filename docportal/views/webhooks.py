"""Webhooks: what is told to which program, and what became of it.

Every admin sees where something is told to, and may stop it; its owner alone sees the whole
address and changes it. No delivery shows what it is about.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from docportal import webhooks as verbs
from docportal.delivering import MAX_ATTEMPTS, TELL
from docportal.views import paging
from docportal.views.access import Request, require, tells_user_errors
from docportal.views.forms import WebhookForm
from docportal.webhooks import WithSecret
from ingestion.errors import UserError
from ingestion.models import Delivery, Webhook

DELIVERIES_PAGE = 50


@never_cache
@require_http_methods(["GET", "POST"])
def webhooks(request: Request) -> HttpResponse:
    """A POST makes one and shows its secret, which no later page can."""
    require(request.user, TELL)
    form = WebhookForm(request.POST or None, user=request.user)
    made: WithSecret | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = verbs.create(owner=request.user, **form.cleaned_data)
        except UserError as error:
            form.add_error(None, str(error))
    context = {
        "section": "webhooks",
        "webhooks": Webhook.objects.select_related("owner"),
        "made": made,
        "form": form if made is None else WebhookForm(user=request.user),
    }
    return render(request, "webhooks.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def webhook(request: Request, pk: int) -> HttpResponse:
    """Its deliveries; a POST of its owner edits it."""
    require(request.user, TELL)
    found = _own(request, pk) if request.method == "POST" else get_object_or_404(Webhook, pk=pk)
    form = _form(request, found)
    if request.method == "POST" and form.is_valid():
        try:
            verbs.edit(webhook=found, by=request.user, **form.cleaned_data)
        except UserError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Saved.")
            return redirect("webhook", pk)
    return _page(request, found, form, status=400 if form.errors else 200)


def _form(request: Request, webhook: Webhook) -> WebhookForm:
    initial = {
        "url": webhook.url,
        "events": webhook.events.split(),
        "collections": webhook.collections.all(),
    }
    return WebhookForm(request.POST or None, user=request.user, initial=initial)


def _page(
    request: Request, webhook: Webhook, form: WebhookForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    after = request.GET.get("after", "")
    context = {
        "section": "webhooks",
        "webhook": webhook,
        "is_own": webhook.owner_id == request.user.pk,
        "form": form,
        "page": paging.page(
            Delivery.objects.filter(webhook=webhook), ("-created_at", "-pk"), after, DELIVERIES_PAGE
        ),
        "most": MAX_ATTEMPTS,
        **more,
    }
    return render(request, "webhook.html", context, status=status)


def _own(request: Request, pk: int) -> Webhook:
    require(request.user, TELL)
    return get_object_or_404(Webhook, owner=request.user, pk=pk)


@never_cache
@require_POST
def rotate(request: Request, pk: int) -> HttpResponse:
    """Shows the new secret, which no later page can."""
    changed = verbs.rotate(webhook=_own(request, pk), by=request.user)
    initial = WebhookForm(user=request.user, initial=_form(request, changed.webhook).initial)
    return _page(request, changed.webhook, initial, secret=changed.secret)


@require_POST
def switch(request: Request, pk: int) -> HttpResponse:
    """Disable it, which every admin may; or enable it, which only its owner may."""
    require(request.user, TELL)
    if request.POST.get("enable"):
        verbs.enable(webhook=_own(request, pk), by=request.user)
        messages.success(request, "Enabled. What waited is sent now.")
    else:
        verbs.disable(webhook=get_object_or_404(Webhook, pk=pk), by=request.user)
        messages.success(request, "Disabled. Nothing is sent there any more.")
    return redirect("webhook", pk)


@require_POST
def remove(request: Request, pk: int) -> HttpResponse:
    require(request.user, TELL)
    verbs.remove(webhook=get_object_or_404(Webhook, pk=pk), by=request.user)
    messages.success(request, "Removed, with the record of its deliveries.")
    return redirect("webhooks")


@require_POST
@tells_user_errors
def test(request: Request, pk: int) -> HttpResponse:
    verbs.send_test(webhook=_own(request, pk), by=request.user)
    messages.success(request, "A worker sends a test. Load this page again in a while.")
    return redirect("webhook", pk)


@require_POST
@tells_user_errors
def redeliver(request: Request, pk: int, delivery: int) -> HttpResponse:
    found = get_object_or_404(Delivery, webhook=_own(request, pk), pk=delivery)
    verbs.redeliver(delivery=found, by=request.user)
    messages.success(request, "It is sent once more, under the same id.")
    return redirect("webhook", pk)
