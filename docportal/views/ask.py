"""Ask and search: passages while one types, the answer beside them, one's own history."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from itertools import groupby
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import aget_object_or_404, get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import push_url, replace_url

from docportal.admission import BUSY, RETRY_SECONDS, Overloaded, TooManyStreams, answers
from docportal.asking import begin, judge
from docportal.models import User
from docportal.results import seen
from docportal.views import paging, passages
from docportal.views.access import Request, current_user, notice, tells_user_errors
from docportal.views.streaming import event, event_stream, held_stream, told_when_broken
from docportal.views.typed import plain_newlines
from docportal.views.why import why
from ingestion.errors import UserError
from ingestion.jobs import being_read
from ingestion.models import DocumentVersion
from router import services
from router.drafting import Sentence
from router.models import Answer, Feedback, Query
from router.retrieval import search

SHOWN = 8
HISTORY_PAGE = 30
TRY_AGAIN = "Something broke on our side while this was answered. Your question is kept: try again."


@require_GET
def ask(request: Request) -> HttpResponse:
    """The first page; with `?q=` the passages found, which htmx asks for while one types."""
    text = request.GET.get("q", "").strip()
    context = {"q": text, **(_found(request.user, text) if text else _welcome(request.user))}
    if not request.htmx:
        return render(request, "ask.html", context)
    response = render(request, "ask.html#reply", context)
    address = f"{reverse('ask')}?{request.GET.urlencode()}" if text else reverse("ask")
    # Typing on moves no further back in the history than to where it began.
    began_here = (request.htmx.current_url_abs_path or "").partition("?")[0] == reverse("ask")
    return replace_url(response, address) if began_here else push_url(response, address)


def _found(user: User, text: str) -> dict[str, object]:
    result = search(text, user=user, limit=SHOWN)
    cards = passages.from_chunks((hit.chunk for hit in result.hits), text)
    return {
        "cards": cards,
        "being_read": 0 if cards else being_read(user),
        "ms": result.ms,
        "degraded": result.degraded,
        "behind": result.behind,
    }


def _welcome(user: User) -> dict[str, object]:
    documents = DocumentVersion.objects.readable_by(user).served().count()
    return {
        "documents": documents,
        "being_read": 0 if documents else being_read(user),
        "recent": Query.objects.asked_by(user.pk)[:5],
    }


@require_POST
async def ask_question(request: HttpRequest) -> HttpResponse:
    """Keep the question; htmx then streams its answer, a plain form waits for it."""
    user = await current_user(request)
    text = request.POST.get("q", "")
    try:
        query = await begin(user, text, request.POST.get("conversation", ""))
    except Overloaded:
        return await _turned_away(request, text)
    except UserError as error:
        if request.headers.get("HX-Request"):
            return await sync_to_async(notice)(request, str(error), status=400)
        return await _refused(request, {"q": text, "error": error}, status=400)
    address = reverse("question", args=[query.pk])
    if not request.headers.get("HX-Request"):
        try:
            async with answers.admitted(query.pk):
                await services.finished_answer(query)
        except Overloaded:
            return await _turned_away(request, text)
        return redirect(address)
    context = await sync_to_async(_exchange)(query)
    page = await sync_to_async(render)(request, "ask.html#reply", context)
    return push_url(page, address)


async def _turned_away(request: HttpRequest, text: str) -> HttpResponse:
    conversation = request.POST.get("conversation", "")
    context = {"q": text, "conversation": conversation, "error": BUSY, "is_busy": True}
    response = await _refused(request, context, status=429)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


@sync_to_async
def _refused(request: HttpRequest, context: dict[str, object], *, status: int) -> HttpResponse:
    template = "ask.html#refused" if request.headers.get("HX-Request") else "ask.html"
    return render(request, template, context, status=status)


@require_GET
def question(request: Request, query_id: UUID) -> HttpResponse:
    query = get_object_or_404(_own(request.user), pk=query_id)
    return render(request, "ask.html", _exchange(query))


def _own(user: User) -> QuerySet[Query]:
    return Query.objects.asked_by(user.pk).select_related("answer__feedback", "user")


def _exchange(query: Query) -> dict[str, object]:
    """A question with its answer so far, as its asker may see it today."""
    earlier = Query.objects.filter(
        conversation=query.conversation_id, asked_at__lt=query.asked_at
    ).order_by("asked_at")
    context: dict[str, object] = {
        "q": query.text,
        "query": query,
        "earlier": earlier if query.conversation_id else Query.objects.none(),
    }
    answer = Answer.objects.filter(query=query).select_related("feedback").first()
    if answer is None:
        return context
    view = seen(answer, query.user)
    revision = answer.signals.get("revision", 0)
    cards = passages.from_citations(view.citations, query.text, revision=revision)
    return {
        **context,
        "answer": answer,
        "withheld": view.withheld,
        "reason": view.reason,
        "said": passages.said(answer, cards),
        "why": why(answer, view, query.text, cards),
        "cards": cards,
        "older": next((card for card in cards if card.supports and card.older), None),
        "feedback": getattr(answer, "feedback", None),
    }


@require_GET
async def stream(request: HttpRequest, query_id: UUID) -> HttpResponseBase:
    """The answer as it is made. Leaving stops its making."""
    user = await current_user(request)
    query = await aget_object_or_404(
        Query.objects.asked_by(user.pk).select_related("user", "conversation"), pk=query_id
    )
    broken = partial(_broken, request, query)
    try:
        return held_stream(user, told_when_broken(_events(request, query), broken))
    except TooManyStreams as error:
        return event_stream(_alone(await broken(error)))


async def _alone(told: bytes) -> AsyncGenerator[bytes]:
    yield told


async def _events(request: HttpRequest, query: Query) -> AsyncGenerator[bytes]:
    if not await Answer.objects.filter(query=query).aexists():
        async with answers.admitted(query.pk), aclosing(services.answer(query)) as answering:
            async for happened in answering:
                if progress := await _progress(request, query, happened):
                    yield progress
    context = await sync_to_async(_exchange)(query)
    yield event("finished", await _fragment(request, "reply", context))


async def _broken(request: HttpRequest, query: Query, error: Exception) -> bytes:
    context = {"error": _told(error), "query": query}
    return event("failed", await _fragment(request, "failed", context)) + event("close", "")


def _told(error: Exception) -> str:
    match error:
        case Overloaded():
            return BUSY
        case TooManyStreams():
            return str(error)
        case _:
            return TRY_AGAIN


async def _progress(request: HttpRequest, query: Query, happened: services.Event) -> bytes | None:
    if isinstance(happened, services.Passages):
        cards = passages.from_chunks((hit.chunk for hit in happened.hits), query.text)
        return event("passages", await _fragment(request, "passages", {"cards": cards}))
    if isinstance(happened, Sentence):
        said = [passages.Said(happened.text, happened.rank, f"#passage-{happened.rank}")]
        return event("sentence", await _fragment(request, "said", {"said": said}))
    return None


@sync_to_async
def _fragment(request: HttpRequest, name: str, context: dict[str, object]) -> str:
    return render_to_string(f"ask.html#{name}", context, request)


@require_POST
@tells_user_errors
def feedback(request: Request, query_id: UUID) -> HttpResponse:
    query = get_object_or_404(_own(request.user), pk=query_id)
    answer = get_object_or_404(Answer, query=query)
    judge(request.user, answer, request.POST.get("verdict", ""), _typed(request, query))
    if not request.htmx:
        return redirect("question", query_id)
    return render(request, "ask.html#judged", _exchange(query))


def _typed(request: Request, query: Query) -> str | None:
    """The correction, if it is another one than is kept: without a script a thumb sends what the
    field holds, and says nothing of one that was sent before."""
    if "correction" not in request.POST:
        return None
    before = Feedback.objects.filter(answer__query=query).first()
    correction = plain_newlines(request.POST["correction"]).strip()
    return None if correction == (before.correction if before else "") else correction


@require_GET
def history(request: Request) -> HttpResponse:
    own = Query.objects.asked_by(request.user.pk).select_related("answer")
    page = paging.page(own, ("-asked_at", "-pk"), request.GET.get("after", ""), HISTORY_PAGE)
    conversations = [
        list(queries)
        for _, queries in groupby(page.rows, key=lambda query: query.conversation_id or query.pk)
    ]
    context = {
        "section": "questions",
        "conversations": conversations,
        "following": page.following,
    }
    return render(request, "history.html", context)
