"""Questions, their answers, and what the asker thought of them."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import Query as Parameter
from ninja import Router, Schema

from docportal.admission import Overloaded, answers
from docportal.api.access import ApiRequest, needs
from docportal.api.errors import as_body, refusal
from docportal.asking import begin, judge
from docportal.models import User
from docportal.results import answered, cited
from docportal.views.streaming import event, event_stream, told_when_broken
from router import services
from router.drafting import Sentence
from router.models import Answer, Query
from router.policy import RouteAsked

router = Router(tags=["answers"], auth=needs("ask"))

BROKEN = {
    "error": {"id": "broken", "message": "Something broke on our side. The question is kept."}
}


# --- Shapes -----------------------------------------------------------------------------------


class QuestionIn(Schema):
    """`conversation` is that of an earlier answer: a follow-up is understood from what was asked
    before."""

    question: str
    route: RouteAsked = "auto"
    conversation: UUID | None = None


class CitationOut(Schema):
    """A passage that was found. `supports`: the answer stands in it, at `start` to `end` of `text`
    in characters."""

    path: str
    document: str
    version: int
    heading: str
    page: int | None
    text: str
    rank: int
    supports: bool
    start: int | None
    end: int | None
    source: str


class TimesOut(Schema):
    retrieve: float
    generate: float
    verify: float
    total: float


class TokensOut(Schema):
    prompt: int
    completion: int


class DecisionOut(Schema):
    """The engine that was asked first, and by which rule. `probability`: that the tuned model is
    right, null where that was never fitted; `threshold`: what it must reach."""

    engine: str
    rule: str
    reason: str
    probability: float | None
    threshold: float | None
    may_fall_back: bool


class CoverageOut(Schema):
    """What the tuned model was taught of the passage of that rank: all of it, or so many sentences
    that an edit kept."""

    rank: int
    known: bool
    kept: int
    pairs: int
    heldout: float | None
    similarity: float | None


class VerificationOut(Schema):
    """A sentence and the passage, by its rank, that it stands in."""

    text: str
    passage: int | None
    score: float
    problem: str


class WhyOut(Schema):
    question: str
    decision: DecisionOut
    features: dict[str, float]
    attempts: list[dict[str, Any]]
    coverage: list[CoverageOut]
    sentences: list[VerificationOut]


class AnswerOut(Schema):
    """As `ask --json` prints it. `withheld`: it rested on what you may no longer read."""

    id: UUID
    conversation: UUID | None
    query: str
    answer: str
    route: Literal["tuned", "rag", "refused"]
    reason: str
    refused: bool
    verified: bool
    withheld: bool
    confidence: float
    model: str
    citations: list[CitationOut]
    ms: TimesOut
    tokens: TokensOut
    why: WhyOut | None


class FeedbackIn(Schema):
    verdict: str
    correction: str | None = None


class FeedbackOut(Schema):
    verdict: str
    correction: str


def told(answer: Answer, user: User) -> dict[str, Any]:
    """An `AnswerOut`, as `user` may see it today."""
    query = answer.query
    return {"id": query.pk, "conversation": query.conversation_id} | answered(answer, user)


# --- Ask --------------------------------------------------------------------------------------


@router.post("/ask", response=AnswerOut)
async def ask(
    request: ApiRequest, asked: QuestionIn, stream: Annotated[bool, Parameter()] = False
) -> dict[str, Any] | HttpResponseBase:
    """Answer from what you may read, or refuse.

    With `Accept: text/event-stream` or `?stream=true` as server-sent events: `passages` once,
    `sentence` for each that is borne out, `answer` at the end with all of it; `error` instead when
    something breaks. An answer that is not the sentences joined replaces them.
    """
    conversation = str(asked.conversation or "")
    query = await begin(request.auth, asked.question, conversation)
    if stream or "text/event-stream" in request.headers.get("Accept", ""):
        return event_stream(told_when_broken(_events(query, request.auth, asked.route), _broken))
    async with answers.admitted(query.pk):
        answer = await services.finished_answer(query, route=asked.route)
    return await sync_to_async(told)(answer, request.auth)


async def _events(query: Query, user: User, route: RouteAsked) -> AsyncGenerator[bytes]:
    async with (
        answers.admitted(query.pk),
        aclosing(services.answer(query, route=route)) as answering,
    ):
        async for happened in answering:
            name, data = await sync_to_async(_event)(happened, user)
            yield event(name, json.dumps(data, default=str))


async def _broken(error: Exception) -> bytes:
    told = as_body(refusal(error)) if isinstance(error, Overloaded) else BROKEN
    return event("error", json.dumps(told))


def _event(happened: services.Event, user: User) -> tuple[str, dict[str, Any]]:
    match happened:
        case services.Passages(hits, degraded, behind):
            found = [cited(hit.chunk) | {"score": round(hit.score, 4)} for hit in hits]
            return "passages", {"hits": found, "degraded": degraded, "behind": behind}
        case Sentence(text, rank):
            return "sentence", {"text": text, "passage": rank or None}
        case services.Finished(answer):
            return "answer", told(answer, user)


# --- Afterwards -------------------------------------------------------------------------------


def _own(user: User, query_id: UUID) -> Answer:
    """Nobody else's: to others it does not exist."""
    own = Query.objects.asked_by(user.pk)
    return get_object_or_404(
        Answer.objects.select_related("query__user"), query__in=own, query_id=query_id
    )


@router.get("/answers/{uuid:query_id}", response=AnswerOut)
def get_answer(request: ApiRequest, query_id: UUID) -> dict[str, Any]:
    """One of your own, with why it came by this route."""
    return told(_own(request.auth, query_id), request.auth)


@router.post("/answers/{uuid:query_id}/feedback", response=FeedbackOut)
def give_feedback(request: ApiRequest, query_id: UUID, given: FeedbackIn) -> FeedbackOut:
    """`verdict` is up or down; a `correction`, no longer than a question may be, becomes a pair
    that a writer reviews. Without one, that of before stays, unless the answer is helpful."""
    feedback = judge(request.auth, _own(request.auth, query_id), given.verdict, given.correction)
    return FeedbackOut(verdict=feedback.verdict, correction=feedback.correction)
