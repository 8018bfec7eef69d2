"""From a question to a stored answer: the whole flow is `answer`.

Passages are found and shown first; a model drafts from them; each sentence of the draft is
checked against the passages before anybody sees it; what is shown is stored with its evidence.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction

from ingestion import tracing
from ingestion.connections import release_connection
from ingestion.errors import UserError
from ingestion.models import Reader
from router import incidents, retrieval
from router.drafting import Sentence, since
from router.drafts import Draft
from router.followups import standalone
from router.models import Answer, Citation, Conversation, Feedback, Query
from router.policy import RouteAsked
from router.routing import routed
from router.spelling import put_right
from router.text import storable
from router.versions import Read, read_at
from router.writing import written_sentences

if TYPE_CHECKING:
    from router.retrieval.searching import Hit

SHOWN_PASSAGES = 8
# Questions of a conversation that a new one may lean on.
REMEMBERED = 3


@dataclass(frozen=True, slots=True)
class Passages:
    """What was found, best first. Comes once, before any model is asked."""

    hits: list[Hit]
    degraded: bool
    behind: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer as it was stored. Comes last, always."""

    answer: Answer


Event = Passages | Sentence | Finished


@dataclass(frozen=True, slots=True)
class Drafted:
    """An answer made as for a person, to be measured and not kept.

    `route` took part: tuned, rag or refused. `verified`: every sentence stands in a passage.
    `failed`: it is refused as no model answered. `degraded`: passages were found by words alone, as
    no embedding server answered, or the reranker has failed. `ms` is the whole way from question to
    answer.
    """

    text: str
    route: str
    refused: bool
    verified: bool
    failed: bool
    degraded: bool
    reason: str
    model: str
    ms: float
    prompt_tokens: int
    completion_tokens: int

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


def start_query(*, user: Reader, text: str, conversation: Conversation | None = None) -> Query:
    """Keep a question. Raises `UserError`: `empty-question`, `long-question`."""
    asker = user.pk if user is not None else None
    if conversation is not None and conversation.user_id != asker:
        raise PermissionDenied
    return Query.objects.create(
        user_id=asker, conversation=conversation, text=_checked_question(text)
    )


def answer(
    query: Query, *, route: RouteAsked = "auto", earlier: Sequence[str] = ()
) -> AsyncGenerator[Event]:
    """Answer a question: the passages at once, sentence by sentence what they bear out, the whole.

    `earlier` are the questions before it, the oldest first, where no conversation keeps them. A
    refusal is an answer, too. Never raises for what a model server does.
    """
    return tracing.steps("question", _answer(query, route, earlier), query=str(query.pk))


async def _answer(query: Query, route: RouteAsked, earlier: Sequence[str]) -> AsyncGenerator[Event]:
    started = time.perf_counter()
    draft = await sync_to_async(_begun)(query, route, earlier=earlier)
    yield Passages(draft.found.hits, draft.found.degraded, draft.found.behind)
    async with contextlib.aclosing(written_sentences(draft)) as sentences:
        async for sentence in sentences:
            yield sentence
    draft.total_ms = since(started)
    yield Finished(await sync_to_async(_kept)(query, draft))


async def drafted(
    question: str, *, user: Reader, route: RouteAsked, tuned_allowed: bool = True
) -> Drafted:
    """What `answer` would say by what serves, keeping neither question nor answer.

    Unless `tuned_allowed`, as if no tuned model served. Raises as `start_query`.
    """
    started = time.perf_counter()
    asker = user.pk if user is not None else None
    query = Query(user_id=asker, text=_checked_question(question))
    with tracing.span("question"):
        draft = await sync_to_async(_begun)(query, route, trials=False, tuned_allowed=tuned_allowed)
        async with contextlib.aclosing(written_sentences(draft)) as sentences:
            async for _ in sentences:
                pass
        tracing.note(**draft.figures)
    return Drafted(
        text=draft.text,
        route=draft.route,
        refused=draft.refused,
        verified=draft.verified,
        failed=draft.failed,
        degraded=draft.found.degraded or draft.relevance.has_failed,
        reason=draft.reason,
        model=draft.model,
        ms=since(started),
        prompt_tokens=draft.prompt_tokens,
        completion_tokens=draft.completion_tokens,
    )


async def finished_answer(
    query: Query, *, route: RouteAsked = "auto", earlier: Sequence[str] = ()
) -> Answer:
    """The end of `answer`, for those who do not watch it come."""
    async with contextlib.aclosing(answer(query, route=route, earlier=earlier)) as events:
        async for event in events:
            if isinstance(event, Finished):
                return event.answer
    raise AssertionError("An answer always finishes.")


def ask(text: str, *, user: Reader, route: RouteAsked = "auto") -> Answer:
    """`start_query` and `answer` in one call, for code that is not asynchronous."""
    return async_to_sync(finished_answer)(start_query(user=user, text=text), route=route)


def record_feedback(
    *, user: Reader, answer: Answer, verdict: str, correction: str | None = None
) -> Feedback:
    """Keep what the asker thought of an answer; a second time replaces the first. With `correction`
    None the one before stays, unless the answer was helpful after all.

    Raises `PermissionDenied` for anybody else and `UserError`: `unknown-verdict`,
    `long-correction`.
    """
    if user is None or user.pk is None or answer.query.user_id != user.pk:
        raise PermissionDenied
    if verdict not in Feedback.Verdict.values:
        raise UserError("unknown-verdict", "Say whether the answer was helpful: up or down.")
    values = {"verdict": verdict}
    if correction is not None or verdict == Feedback.Verdict.UP:
        values["correction"] = _checked_correction(correction or "")
    feedback, _ = Feedback.objects.update_or_create(answer=answer, defaults=values)
    return feedback


def _checked_correction(text: str) -> str:
    cleaned = storable(text).strip()
    limit = settings.QUESTION_MAX_CHARACTERS
    if len(cleaned) > limit:
        raise UserError(
            "long-correction",
            f"The correction has {len(cleaned):,} characters, and {limit:,} is the limit. "
            "Write the right answer alone.",
        )
    return cleaned


# --- The question -----------------------------------------------------------------------------


def _checked_question(text: str) -> str:
    cleaned = storable(text).strip()
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


def _begun(
    query: Query,
    route: RouteAsked,
    *,
    trials: bool = True,
    tuned_allowed: bool = True,
    earlier: Sequence[str] = (),
) -> Draft:
    """A draft with what was found, what is known about it, and the engine that is to answer."""
    try:
        before = _understood(earlier) if earlier else _understood_before(query)
        question, user = standalone(query.text, before), query.user
        # Servers may be waited for for seconds, and a model writes as long.
        release_connection()
        found = retrieval.search(question, user=user, limit=SHOWN_PASSAGES)
        if (meant := put_right(question, found.passages)) != question:
            question, found = meant, retrieval.search(meant, user=user, limit=SHOWN_PASSAGES)
        read = Read(found)
        # What a tuned model says is held against the current text.
        if route != "tuned":
            read = read_at(question, found, user=user, limit=SHOWN_PASSAGES)
        return routed(query, question, read, route, trials=trials, tuned_allowed=tuned_allowed)
    finally:
        release_connection()


def _understood_before(query: Query) -> list[str]:
    """The last questions of the conversation as they were understood, newest first."""
    if query.conversation_id is None:
        return []
    earlier = Answer.objects.filter(query__conversation=query.conversation_id).exclude(query=query)
    newest = earlier.order_by("-query__asked_at").values_list("signals__question", flat=True)
    return list(newest[:REMEMBERED])


def _understood(earlier: Sequence[str]) -> list[str]:
    """Questions, the oldest first, as each is understood from those before it, newest first."""
    understood: list[str] = []
    for question in _askable(earlier)[-REMEMBERED:]:
        understood.insert(0, standalone(question, understood))
    return understood


def _askable(texts: Sequence[str]) -> list[str]:
    """As they would be kept, those that could have been asked: whoever tells of a conversation may
    send anything, and to look for names in a long text takes as long as somebody likes."""
    cleaned = [storable(text).strip() for text in texts]
    return [text for text in cleaned if 0 < len(text) <= settings.QUESTION_MAX_CHARACTERS]


# --- The answer -------------------------------------------------------------------------------


def _kept(query: Query, draft: Draft) -> Answer:
    """The stored answer; what failed behind it is noted for admins."""
    stored = _store(query, draft)
    incidents.note(draft)
    tracing.note(**draft.figures)
    return stored


@transaction.atomic
def _store(query: Query, draft: Draft) -> Answer:
    """Keep the answer with its evidence. A question answered meanwhile keeps its first answer."""
    stored, is_new = Answer.objects.get_or_create(
        query=query,
        defaults={
            "route": draft.route,
            "reason": draft.reason,
            "text": draft.text,
            "model": draft.model,
            "confidence": draft.confidence,
            "signals": draft.as_json,
            "retrieve_ms": draft.found.ms,
            "generate_ms": draft.generate_ms,
            "verify_ms": draft.verify_ms,
            "total_ms": draft.total_ms,
            "prompt_tokens": draft.prompt_tokens,
            "completion_tokens": draft.completion_tokens,
            "tuned_prompt_tokens": sum(one.prompt_tokens for one in draft.by_tuned),
            "tuned_completion_tokens": sum(one.completion_tokens for one in draft.by_tuned),
        },
    )
    if is_new:
        Citation.objects.bulk_create(_citations(stored, draft))
    return stored


def _citations(stored: Answer, draft: Draft) -> list[Citation]:
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
        for place, hit in enumerate(draft.found.hits)
        for start, end in [draft.spans.get(place, (None, None))]
    ]
