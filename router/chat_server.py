"""The embedded default's server of a chat model: OpenAI's `/v1/chat/completions`, greedy.

Run as `python -m router.chat_server --model DIR --port N`; the model's name is that of its folder.
A tuned model's answer is short and often known beforehand, so a request may hold OpenAI's
`prediction`, which makes the answer no other but sooner (`router.decoding`). With `logprobs` it
tells how sure it is of each token.
"""

import argparse
import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from router import local_http
from router.chat_model import MAX_TOKENS, ChatModel, Turn
from router.decoding import Written
from router.local_http import Refused

# Answers that are predicted for one question.
MOST_PREDICTED = 64
UNFINISHED = "\N{REPLACEMENT CHARACTER}"


class Message(BaseModel):
    role: Literal["system", "user", "assistant"]
    content: str


class PredictedPart(BaseModel):
    type: Literal["text"]
    text: str


class Prediction(BaseModel):
    """Several parts are so many whole answers, the likeliest first."""

    type: Literal["content"]
    content: str | list[PredictedPart]

    @property
    def texts(self) -> list[str]:
        if isinstance(self.content, str):
            return [self.content]
        return [part.text for part in self.content[:MOST_PREDICTED]]


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    """What of OpenAI's form is used; `temperature` may only be 0."""

    model: str
    messages: list[Message] = Field(min_length=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float = Field(default=0, ge=0, le=0)
    prediction: Prediction | None = None
    logprobs: bool = False
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()

    @property
    def limit(self) -> int:
        return self.max_completion_tokens or self.max_tokens or MAX_TOKENS


# --- HTTP --------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Reply:
    """An answer as it comes."""

    chat: ChatModel
    turn: Turn
    name: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    tokens: list[int] = field(default_factory=list)
    logprobs: list[dict[str, object]] = field(default_factory=list)
    """Of the tokens since they were last told."""
    text: str = ""

    @property
    def has_ended(self) -> bool:
        """By itself."""
        return self.tokens[-1:] == [self.chat.end]

    @property
    def is_over(self) -> bool:
        return self.has_ended or len(self.tokens) >= self.turn.limit

    @property
    def usage(self) -> dict[str, int]:
        read, written = len(self.turn.prompt), len(self.tokens)
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        }

    def take(self, written: Written) -> str:
        """What the text is longer by; a character of several tokens waits for its last."""
        self.tokens += written.tokens
        if self.turn.with_logprobs:
            each = zip(written.tokens, written.logprobs, strict=True)
            self.logprobs += [self._told(*one) for one in each if one[0] != self.chat.end]
        whole = self.chat.text_of(self.tokens)
        if whole.endswith(UNFINISHED) and not self.is_over:
            return ""
        more, self.text = whole[len(self.text) :], whole
        return more

    def _told(self, token: int, logprob: float) -> dict[str, object]:
        text = self.chat.text_of([token])
        return {"token": text, "logprob": logprob, "bytes": None, "top_logprobs": []}

    def as_json(self, kind: str, **said: object) -> dict[str, object]:
        """`said` is the message, or of a stream the delta."""
        reason = ("stop" if self.has_ended else "length") if self.is_over else None
        if self.logprobs:
            said |= {"logprobs": {"content": self.logprobs, "refusal": None}}
            self.logprobs = []
        return {
            "id": self.name,
            "object": kind,
            "created": self.created,
            "model": self.chat.name,
            "choices": [{"index": 0, "finish_reason": reason, **said}] if said else [],
        }


def application(chat: ChatModel, *, announce: Path | None, url: str) -> Starlette:
    """`/v1/chat/completions`, `/v1/models` and `/health`; `announce` as `local_http.tell_ready`."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        local_http.tell_ready(announce, url)
        yield

    async def completions(request: Request) -> Response:
        asked = await local_http.read_form(request, ChatRequest)
        reply, pieces = _begin(chat, asked)
        if asked.stream:
            events = _events(reply, pieces, with_usage=asked.stream_options.include_usage)
            return StreamingResponse(events, media_type="text/event-stream")
        async with aclosing(pieces):
            text = "".join([piece async for piece in pieces])
        message = {"role": "assistant", "content": text}
        whole = reply.as_json("chat.completion", message=message)
        return JSONResponse(whole | {"usage": reply.usage})

    async def models(_: Request) -> JSONResponse:
        return JSONResponse({"object": "list", "data": [{"id": chat.name, "object": "model"}]})

    async def health(_: Request) -> JSONResponse:
        status = "failed" if chat.failed else "ok"
        return JSONResponse({"status": status}, 503 if chat.failed else 200)

    routes = [
        Route("/v1/chat/completions", completions, methods=["POST"]),
        Route("/v1/models", models),
        Route("/health", health),
    ]
    handlers = {Refused: local_http.refusal}
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)


def _begin(chat: ChatModel, asked: ChatRequest) -> tuple[_Reply, AsyncGenerator[str]]:
    """The answer to a request, and its text, piece by piece. Raises `Refused`; the pieces as well,
    if the model fails."""
    if asked.model != chat.name:
        raise Refused(404, f"This server runs {chat.name}, not {asked.model}.")
    prompt = chat.prompt_of([message.model_dump() for message in asked.messages])
    if len(prompt) >= MAX_TOKENS:
        raise Refused(400, f"The prompt has {len(prompt)} tokens, and {MAX_TOKENS} is the limit.")
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[Written | None] = asyncio.Queue()
    turn = Turn(
        prompt=prompt,
        predicted=list(map(chat.predicted, asked.prediction.texts)) if asked.prediction else [],
        limit=min(asked.limit, MAX_TOKENS - len(prompt)),
        tell=lambda written: loop.call_soon_threadsafe(told.put_nowait, written),
        with_logprobs=asked.logprobs,
    )
    reply = _Reply(chat, turn)
    return reply, _pieces(reply, told)


async def _pieces(reply: _Reply, told: "asyncio.Queue[Written | None]") -> AsyncGenerator[str]:
    reply.chat.write(reply.turn)
    try:
        while not reply.is_over:
            written = await told.get()
            if written is None:
                raise Refused(503, "The model cannot be computed any more.")
            if piece := reply.take(written):
                yield piece
    finally:
        reply.turn.left = True


async def _events(
    reply: _Reply, pieces: AsyncGenerator[str], *, with_usage: bool
) -> AsyncGenerator[str]:
    async with aclosing(pieces):
        async for piece in pieces:
            yield _event(reply, delta={"role": "assistant", "content": piece})
    yield _event(reply, delta={})
    if with_usage:
        yield _event(reply, usage=reply.usage)
    yield "data: [DONE]\n\n"


def _event(reply: _Reply, *, usage: dict[str, int] | None = None, **said: object) -> str:
    chunk = reply.as_json("chat.completion.chunk", **said)
    return f"data: {json.dumps(chunk | ({'usage': usage} if usage else {}))}\n\n"


# --- The process -------------------------------------------------------------------------------
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="its folder")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    local_http.add_address(parser)
    arguments = parser.parse_args()
    listener, url = local_http.listen(arguments.host, arguments.port)
    chat = ChatModel(arguments.model.absolute(), arguments.dtype)
    local_http.run(application(chat, announce=arguments.ready_file, url=url), listener)


if __name__ == "__main__":
    main()
