"""The portal as a model of the OpenAI protocol, for programs that speak nothing else.

The last message of the user is the question, those before it the conversation. What else there is
in a request, system messages and sampling among it, changes nothing: answers come from documents.
"""

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpResponseBase, JsonResponse
from ninja import NinjaAPI, Schema
from pydantic import Field

from docportal.admission import Overloaded, answers
from docportal.api.access import ApiRequest, Token
from docportal.api.errors import BROKEN, Refusal, as_openai_body, refusal, refuse, tell
from docportal.asking import begin_alone
from docportal.results import seen
from docportal.views.passages import passage_url
from docportal.views.segments import Mark
from docportal.views.streaming import event, event_stream, told_when_broken
from ingestion.errors import UserError
from router import services
from router.drafting import Sentence
from router.models import Answer, Citation, Query
from router.policy import RouteAsked

MODELS: dict[str, RouteAsked] = {
    "docportal": "auto",
    "docportal-rag": "rag",
    "docportal-tuned": "tuned",
}
TAKEN_BACK = Refusal(
    502, "taken-back", "The model server broke off, and the answer was taken back. Ask again."
)

api = NinjaAPI(
    title="docportal as a model",
    urls_namespace="openai",
    docs_url=None,
    openapi_url=None,
    auth=Token("ask"),
)


tell(api)


# --- Asked ------------------------------------------------------------------------------------


class Message(Schema):
    role: str
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(Schema):
    include_usage: bool | None = None


class CompletionIn(Schema):
    """Of what a request may hold, that which is read. Null is the same as left out."""

    model: str
    messages: list[Message] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None


def _questions(messages: list[Message]) -> list[str]:
    """The user's, the oldest first. Raises `UserError`: `no-question`, `not-text` of the last."""
    asked = [_texts(message) for message in messages if message.role == "user"]
    if not asked:
        raise UserError("no-question", "There is no message with the role user to answer.")
    if None in asked[-1]:
        raise UserError("not-text", "Only text is read: send parts of the type text.")
    return ["\n".join(filter(None, texts)) for texts in asked]


def _texts(message: Message) -> list[str | None]:
    """Of each part, None where it is something else."""
    if not isinstance(message.content, list):
        return [message.content or ""]
    parts = (part.get("text") if part.get("type") == "text" else None for part in message.content)
    return [part if isinstance(part, str) else None for part in parts]


# --- Told -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Telling:
    """One completion under way."""

    request: ApiRequest
    query: Query
    model: str
    options: StreamOptions

    def whole(self, answer: Answer) -> dict[str, Any]:
        message = {
            "role": "assistant",
            "content": answer.text,
            "refusal": None,
            "annotations": self.annotations(answer),
        }
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return self._framed("chat.completion", [choice]) | {"usage": _usage(answer)}

    def piece(self, finish: str | None = None, **delta: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _data(self._framed("chat.completion.chunk", [choice]))

    def usage(self, answer: Answer) -> bytes:
        return _data(self._framed("chat.completion.chunk", []) | {"usage": _usage(answer)})

    def _framed(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.query.pk}",
            "object": kind,
            "created": int(self.query.asked_at.timestamp()),
            "model": self.model,
            "choices": choices,
        }

    def annotations(self, answer: Answer) -> list[dict[str, Any]]:
        """Of each sentence the passage that it stands in, with indexes into the content."""
        if answer.refused:
            return []
        view = seen(answer, self.request.auth)
        sources = {citation.rank: citation for citation in view.citations}
        return [
            self._annotation(sources[rank], start, end)
            for rank, start, end in _places(answer)
            if rank in sources
        ]

    def _annotation(self, source: Citation, start: int, end: int) -> dict[str, Any]:
        chunk = source.chunk
        spanned = source.start is not None and source.end is not None
        mark = Mark(chunk.position, source.start or 0, source.end or 0) if spanned else None
        cited = {
            "start_index": start,
            "end_index": end,
            "title": chunk.version.document.title,
            "url": self.request.build_absolute_uri(passage_url(chunk, mark)),
            "path": chunk.version.document.path,
            "document": chunk.version.document.slug,
            "version": chunk.version.number,
            "heading": chunk.heading,
        }
        return {"type": "url_citation", "url_citation": cited}


def _places(answer: Answer) -> Iterator[tuple[int, int, int]]:
    """Rank of the passage, and the characters of the answer that stand in it."""
    place = 0
    for sentence in answer.signals.get("sentences", []):
        text = sentence["text"].strip()
        start = answer.text.index(text, place)
        place = start + len(text)
        if sentence["passage"] is not None:
            yield sentence["passage"], start, place


def _usage(answer: Answer) -> dict[str, int]:
    prompt, completion = answer.prompt_tokens, answer.completion_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _data(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


# --- Operations -------------------------------------------------------------------------------


@api.get("/models")
def models(request: ApiRequest) -> dict[str, Any]:  # noqa: ARG001 - Ninja passes it.
    """`docportal` chooses the route by itself, the others have it chosen."""
    return {"object": "list", "data": [_model(name) for name in MODELS]}


@api.get("/models/{name}")
def model(request: ApiRequest, name: str) -> HttpResponseBase:
    return JsonResponse(_model(name)) if name in MODELS else refuse(request, _unknown(name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "docportal"}


def _unknown(name: str) -> Refusal:
    return Refusal(404, "model_not_found", f"There is no model {name!r}: {', '.join(MODELS)}.")


@api.post("/chat/completions")
async def completions(request: ApiRequest, asked: CompletionIn) -> HttpResponseBase:
    if asked.model not in MODELS:
        return refuse(request, _unknown(asked.model))
    *earlier, question = _questions(asked.messages)
    query = await begin_alone(request.auth, question)
    telling = Telling(request, query, asked.model, asked.stream_options or StreamOptions())
    if asked.stream:
        return event_stream(told_when_broken(_pieces(telling, earlier), _broken))
    async with answers.admitted(query.pk):
        route = MODELS[asked.model]
        answer = await services.finished_answer(query, route=route, earlier=earlier)
    return JsonResponse(await sync_to_async(telling.whole)(answer))


async def _broken(error: Exception) -> bytes:
    told = refusal(error) if isinstance(error, Overloaded) else BROKEN
    return event("error", json.dumps(as_openai_body(told)))


async def _pieces(telling: Telling, earlier: list[str]) -> AsyncGenerator[bytes]:
    route, shown = MODELS[telling.model], ""
    async with (
        answers.admitted(telling.query.pk),
        aclosing(services.answer(telling.query, route=route, earlier=earlier)) as answering,
    ):
        yield telling.piece(role="assistant", content="")
        async for happened in answering:
            match happened:
                case Sentence(text, _):
                    shown += text
                    yield telling.piece(content=text)
                case services.Finished(answer) if shown and shown.strip() != answer.text:
                    # This protocol cannot replace what was said: to fail is all that it can do.
                    yield event("error", json.dumps(as_openai_body(TAKEN_BACK)))
                case services.Finished(answer):
                    if not shown:
                        yield telling.piece(content=answer.text)
                    annotations = await sync_to_async(telling.annotations)(answer)
                    yield telling.piece("stop", annotations=annotations)
                    if telling.options.include_usage:
                        yield telling.usage(answer)
                    yield b"data: [DONE]\n\n"
