"""From a question to a stored answer: the whole flow is `answer`.

Passages are found and shown first; a model drafts from them; each sentence of the draft is
checked against the passages before anybody sees it; what is shown is stored with its evidence.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from ingestion.errors import UserError
from ingestion.models import Reader
from router import engines, retrieval
from router.drafts import Draft, RouteAsked
from router.llm import ModelUnavailable
from router.models import Answer, Citation, Conversation, Feedback, Query
from router.prompts import MAX_PASSAGES, REFUSAL, Passage
from router.text import exact_form, split_finished, without_marks
from router.verification import verify

if TYPE_CHECKING:
    from router.retrieval.searching import Hit, SearchResult

SHOWN_PASSAGES = 8


@dataclass(frozen=True, slots=True)
class Passages:
    """What was found, best first. Comes once, before any model is asked."""

    hits: list[Hit]
    degraded: bool


@dataclass(frozen=True, slots=True)
class Sentence:
    """A checked sentence with its trailing white space, and the passage (from 1) it stands in.

    Joined together they are the answer; only a `Finished` with a refusal takes them back.
    """

    text: str
    rank: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer as it was stored. Comes last, always."""

    answer: Answer


Event = Passages | Sentence | Finished


def start_query(*, user: Reader, text: str, conversation: Conversation | None = None) -> Query:
    """Keep a question. Raises `UserError`: `empty-question`, `long-question`."""
    asker = user.pk if user is not None else None
    if conversation is not None and conversation.user_id != asker:
        raise PermissionDenied
    return Query.objects.create(
        user_id=asker, conversation=conversation, text=_checked_question(text)
    )


async def answer(query: Query, *, route: RouteAsked = "auto") -> AsyncGenerator[Event]:
    """Answer a question: the passages at once, sentence by sentence what they bear out, the whole.

    A refusal is an answer, too. Never raises for what a model server does.
    """
    started = time.perf_counter()
    found = await sync_to_async(_search)(query)
    yield Passages(found.hits, found.degraded)
    draft = Draft(route_asked=route)
    if found.hits:
        async with contextlib.aclosing(_checked_sentences(query.text, found, draft)) as checked:
            async for sentence in checked:
                yield sentence
    else:
        draft.problem = "No passage that you may read matches the question."
    draft.total_ms = _since(started)
    yield Finished(await sync_to_async(_store)(query, found, draft))


async def finished_answer(query: Query, *, route: RouteAsked = "auto") -> Answer:
    """The end of `answer`, for those who do not watch it come."""
    async for event in answer(query, route=route):
        if isinstance(event, Finished):
            return event.answer
    raise AssertionError("An answer always finishes.")


def ask(text: str, *, user: Reader, route: RouteAsked = "auto") -> Answer:
    """`start_query` and `answer` in one call, for code that is not asynchronous."""
    return async_to_sync(finished_answer)(start_query(user=user, text=text), route=route)


def record_feedback(
    *, user: Reader, answer: Answer, verdict: str, correction: str = ""
) -> Feedback:
    """Keep what the asker thought of an answer; a second time replaces the first.

    Raises `PermissionDenied` for anybody else and `UserError` (`unknown-verdict`).
    """
    if user is None or user.pk is None or answer.query.user_id != user.pk:
        raise PermissionDenied
    if verdict not in Feedback.Verdict.values:
        raise UserError("unknown-verdict", "Say whether the answer was helpful: up or down.")
    feedback, _ = Feedback.objects.update_or_create(
        answer=answer, defaults={"verdict": verdict, "correction": _clean(correction)}
    )
    return feedback


# --- The question -----------------------------------------------------------------------------


def _checked_question(text: str) -> str:
    cleaned = _clean(text)
    limit = settings.QUESTION_MAX_CHARACTERS
    if not cleaned:
        raise UserError("empty-question", "The question is empty. Type one, then ask again.")
    if len(cleaned) > limit:
        raise UserError(
            "long-question",
            f"The question has {len(cleaned):,} characters, and {limit:,} is the limit. "
            "Ask for one thing, and leave logs and files out.",
        )
    return cleaned


def _clean(text: str) -> str:
    """`text` as every database takes it: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode(errors="replace").decode().strip()


def _search(query: Query) -> SearchResult:
    try:
        return retrieval.search(query.text, user=query.user, limit=SHOWN_PASSAGES)
    finally:
        # A model writes for seconds, and must not hold a connection of the pool meanwhile.
        if not connection.in_atomic_block:
            connection.close()


def _passage(hit: Hit) -> Passage:
    version = hit.chunk.version
    return Passage(
        title=version.title or version.document.title,
        heading=" > ".join(hit.chunk.heading_path),
        text=hit.chunk.text,
        path=version.document.path,
    )


# --- The draft --------------------------------------------------------------------------------


async def _checked_sentences(
    question: str, found: SearchResult, draft: Draft
) -> AsyncGenerator[Sentence]:
    """The sentences of the model that stand in the passages, up to the first that does not."""
    passages = [_passage(hit) for hit in found.hits[:MAX_PASSAGES]]
    async with contextlib.aclosing(_written_sentences(question, passages, draft)) as written:
        async for text in written:
            if exact_form(without_marks(text)) == exact_form(REFUSAL):
                draft.model_refused = True
                draft.problem = draft.problem or "The passages do not hold the answer."
                return
            started = time.perf_counter()
            support = verify(question, text, passages)
            draft.verify_ms += _since(started)
            if not support.supported or support.span is None:
                draft.rejected, draft.problem = support, support.problem
                return
            said = without_marks(text)
            draft.sentences.append(said)
            draft.supports.append(support)
            yield Sentence(said, support.span[0] + 1)


async def _written_sentences(
    question: str, passages: list[Passage], draft: Draft
) -> AsyncGenerator[str]:
    """The model's draft, whole sentences only; a failure of the server ends it."""
    started = time.perf_counter()
    draft.model_asked = True
    rest = ""
    try:
        async with contextlib.aclosing(engines.rag(question, passages)) as deltas:
            async for delta in deltas:
                draft.generate_ms = _since(started)
                draft.written += delta.text
                draft.prompt_tokens += delta.prompt_tokens
                draft.completion_tokens += delta.completion_tokens
                sentences, rest = split_finished(rest + delta.text)
                for sentence in sentences:
                    yield sentence
    except ModelUnavailable as error:
        draft.model_failed = str(error)
        draft.problem = "The model server does not answer; here are the passages."
        return
    if rest.strip():
        yield rest


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


# --- The answer -------------------------------------------------------------------------------


@transaction.atomic
def _store(query: Query, found: SearchResult, draft: Draft) -> Answer:
    """Keep the answer with its evidence. A question answered meanwhile keeps its first answer."""
    stored, is_new = Answer.objects.get_or_create(
        query=query,
        defaults={
            "route": Answer.Route.REFUSED if draft.refused else Answer.Route.RAG,
            "reason": draft.reason(found),
            "text": draft.text,
            "model": settings.LLM_MODEL if draft.model_asked else "",
            "confidence": draft.confidence(found.hits),
            "signals": draft.signals(found),
            "retrieve_ms": found.ms,
            "generate_ms": draft.generate_ms,
            "verify_ms": draft.verify_ms,
            "total_ms": draft.total_ms,
            "prompt_tokens": draft.prompt_tokens,
            "completion_tokens": draft.completion_tokens,
        },
    )
    if is_new:
        Citation.objects.bulk_create(_citations(stored, found, draft))
    return stored


def _citations(stored: Answer, found: SearchResult, draft: Draft) -> list[Citation]:
    """Every passage shown, under the number it was shown with."""
    return [
        Citation(
            answer=stored,
            chunk=hit.chunk,
            rank=place + 1,
            supports=place in draft.spans,
            start=start,
            end=end,
        )
        for place, hit in enumerate(found.hits)
        for start, end in [draft.spans.get(place, (None, None))]
    ]
