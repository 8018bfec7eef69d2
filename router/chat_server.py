"""The embedded default's server of a chat model: OpenAI's `/v1/chat/completions`, greedy.

Run as `python -m router.chat_server --model DIR --port N`; the model's name is that of its folder.
What a question stands behind are always the same words, which are read once. A tuned model's answer
is short and often known beforehand, so a request may hold OpenAI's `prediction`, which makes the
answer no other but sooner (`router.decoding`). With `logprobs` it tells how sure it is of each
token. Requests that come together are answered together; one that comes later begins at the next
step and not at their end.
"""

import argparse
import asyncio
import ctypes
import json
import logging
import queue
import threading
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from transformers import AutoModelForCausalLM, AutoTokenizer

from router import local_http
from router.decoding import Beginning, Decoding, Written, encode_prompt, read_beginning, shared
from router.local_http import Refused
from router.prompts import Passage, reader_messages, tuned_messages

logger = logging.getLogger(__name__)

# Requests that are begun in one step, as more take longer than they wait for each other; and that
# are answered at the same time.
TOGETHER, MOST_UNDER_WAY = 8, 32
# Of the prompts under way and their answers: that bounds the memory for keys and values, which are
# 23 kB a token of the embedded model.
MOST_TOKENS_UNDER_WAY = 16_384
# Of a prompt and its answer, and of what is predicted: a wrong prediction costs a step of so many.
MAX_TOKENS, MAX_PREDICTED = 8_192, 32
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


# --- The model ---------------------------------------------------------------------------------
# Two prompts of each kind, which begin with the words that all of it begin with.
_PROMPTS = (
    [tuned_messages(text) for text in ("How?", "Where?")],
    [reader_messages(text, [Passage(text, "", text)]) for text in ("How?", "Where?")],
)


@dataclass(slots=True, eq=False)
class Turn:
    """One answer to be written. `tell` gets its tokens as they come, from the model's thread, and
    None if the model fails; an asker who has `left` gets none."""

    prompt: list[int]
    predicted: list[list[int]]
    limit: int
    tell: Callable[[Written | None], object]
    with_logprobs: bool = False
    left: bool = False
    written: int = 0

    @property
    def room(self) -> int:
        """The tokens that it may take."""
        return len(self.prompt) + self.limit


@dataclass(slots=True, eq=False)
class _Group:
    """Turns that were begun together, by their row."""

    turns: Sequence[Turn]
    decoding: Decoding

    def step(self) -> None:
        for row, written in self.decoding.step().items():
            turn = self.turns[row]
            told = written.first(turn.limit - turn.written)
            turn.written += len(told.tokens)
            turn.tell(told)
        self.decoding.keep([row for row in self.decoding.rows if not self._is_over(row)])

    @property
    def under_way(self) -> list[Turn]:
        return [self.turns[row] for row in self.decoding.rows]

    def _is_over(self, row: int) -> bool:
        return self.turns[row].left or self.turns[row].written >= self.turns[row].limit


class ChatModel:
    """A model in a folder, and the thread that computes it."""

    def __init__(self, folder: Path, dtype: str) -> None:
        self.name = folder.name
        self.failed = False
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True
        )
        if dtype == "float32":
            _lay_out(self._model)
        self._beginnings = [*map(self._read_beginning, _PROMPTS), read_beginning(self._model, ())]
        _give_back_freed_memory()
        self._waiting: queue.SimpleQueue[Turn] = queue.SimpleQueue()
        # The next one, for which there was no room.
        self._held: Turn | None = None
        threading.Thread(target=self._work, name="model", daemon=True).start()

    @property
    def end(self) -> int:
        """The token that ends a turn."""
        return int(self._tokenizer.eos_token_id)

    def prompt_of(self, messages: Sequence[dict[str, str]]) -> list[int]:
        return encode_prompt(messages, self._tokenizer)

    def predicted(self, text: str) -> list[int]:
        """The tokens of a whole answer that says this."""
        tokens = self._tokenizer.encode(text, add_special_tokens=False)
        return [*tokens, self.end][:MAX_PREDICTED] if tokens else []

    def text_of(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))

    def write(self, turn: Turn) -> None:
        """Have an answer written, from the next step on."""
        self._waiting.put(turn)

    def _read_beginning(self, prompts: Sequence[Sequence[dict[str, str]]]) -> Beginning:
        return read_beginning(self._model, shared(list(map(self.prompt_of, prompts))))

    def _work(self) -> None:
        groups: list[_Group] = []
        taken: list[Turn] = []
        try:
            while True:
                taken = self._taken([one for group in groups for one in group.under_way])
                groups += self._begun(taken)
                for group in groups:
                    group.step()
                groups = [group for group in groups if group.decoding.rows]
        except Exception:
            logger.exception("%s cannot be computed any more.", self.name)
            self.failed = True
            held = [self._held] if self._held else []
            for turn in [*taken, *held, *(turn for group in groups for turn in group.turns)]:
                turn.tell(None)
            while True:
                self._waiting.get().tell(None)

    def _taken(self, under_way: Sequence[Turn]) -> list[Turn]:
        """Those who wait, as many as there is room for; with nothing under way, at least one."""
        turns: list[Turn] = []
        room = MOST_TOKENS_UNDER_WAY - sum(turn.room for turn in under_way)
        while len(turns) < min(TOGETHER, MOST_UNDER_WAY - len(under_way)):
            turn = self._next(awaited=not under_way and not turns)
            if turn is None:
                break
            if (under_way or turns) and turn.room > room:
                self._held = turn
                break
            room -= turn.room
            turns.append(turn)
        return turns

    def _next(self, *, awaited: bool) -> Turn | None:
        if held := self._held:
            self._held = None
            return held
        try:
            return self._waiting.get(block=awaited)
        except queue.Empty:
            return None

    def _begun(self, turns: Sequence[Turn]) -> list[_Group]:
        by_beginning: dict[int, list[Turn]] = {}
        for turn in turns:
            fitting = (n for n, one in enumerate(self._beginnings) if one.is_of(turn.prompt))
            by_beginning.setdefault(next(fitting), []).append(turn)
        return [
            _Group(some, self._decoding(some, self._beginnings[number]))
            for number, some in by_beginning.items()
        ]

    def _decoding(self, turns: Sequence[Turn], beginning: Beginning) -> Decoding:
        own = [turn.prompt[len(beginning.tokens) :] for turn in turns]
        predicted = [[one[: turn.limit] for one in turn.predicted] for turn in turns]
        with_logprobs = any(turn.with_logprobs for turn in turns)
        return Decoding(
            self._model, beginning, own, self.end, predicted, with_logprobs=with_logprobs
        )


def _lay_out(model: torch.nn.Module) -> None:
    """Lay weights down column by column: MKL multiplies a score of rows by them in a third of the
    time that it takes for as many by rows of weights, which it copies first."""
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            module.weight.data = module.weight.data.t().contiguous().t()


def _give_back_freed_memory() -> None:
    """Of 135M parameters that is 0.4 GB, which were needed to load them."""
    allocator = ctypes.CDLL(None)
    # Other libraries of C do it by themselves.
    if hasattr(allocator, "malloc_trim"):
        allocator.malloc_trim(0)


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
