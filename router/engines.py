"""Ways to draft an answer. A draft is not yet to be trusted: `router.verification` checks it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from django.conf import settings

from ingestion import tracing
from router import vllm
from router.llm import ModelUnavailable, ModelUnknown, pieces
from router.prompts import Passage, reader_messages, tuned_messages
from router.registry import NAME
from router.serving import llm_url
from router.tuned import ServedModel

MAX_ANSWER_TOKENS = 256
# A tuned model is taught short answers; one that goes on has lost its thread.
MAX_TUNED_TOKENS = 64
# Whoever asks many questions asks so many at once: while more wait, the embedded server reads
# nothing again by its second model, so answers of a batch would depend on each other.
AT_ONCE = 2
BREAK_SECONDS = 10.0
# What the names of tuned versions begin with.
_TUNED = NAME.partition("{")[0]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a draft, with the tokens until then where the server tells them, else 0, and the
    logarithm of how probable the model takes it to be, where that was asked for."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    logprob: float | None = None


class Breaker:
    """Keeps questions from waiting for a model server that has just failed one.

    After a failure nothing is let through for `seconds`; then one call in each `seconds`, though
    those before it may still wait, until one succeeds.
    """

    def __init__(self, seconds: float = BREAK_SECONDS) -> None:
        self._seconds = seconds
        self._closed_until: float | None = None

    def lets_through(self) -> bool:
        now = time.monotonic()
        if self._closed_until is None:
            return True
        if now < self._closed_until:
            return False
        self._closed_until = now + self._seconds
        return True

    def failed(self) -> None:
        self._closed_until = time.monotonic() + self._seconds

    def succeeded(self) -> None:
        self._closed_until = None


_breakers: dict[tuple[str | None, str], Breaker] = {}


def tells_how_sure() -> bool:
    """Whether the reader tells how sure it is of what it writes. What a company's own model tells
    of that would mean something else."""
    return not settings.LLM_URL


async def rag(question: str, passages: Sequence[Passage]) -> AsyncGenerator[Delta]:
    """What the model writes to a question when it reads `passages`, piece by piece.

    Closing the generator closes the connection, so that the server stops as well. Raises
    `ModelUnavailable`, at once if the server failed a moment ago.
    """
    url = await asyncio.to_thread(llm_url)
    messages = reader_messages(question, passages)
    ask = _Ask(
        url,
        settings.LLM_MODEL,
        MAX_ANSWER_TOKENS,
        messages,
        exact=not settings.LLM_URL,
        with_logprobs=tells_how_sure(),
    )
    async with contextlib.aclosing(_guarded(ask, _stream(ask))) as deltas:
        async for delta in deltas:
            yield delta


def tuned(
    question: str, served: ServedModel, *, predicted: Sequence[str] = ()
) -> AsyncGenerator[Delta]:
    """What a tuned model answers from its weights, given nothing else. Otherwise as `rag`.

    What it may answer can be `predicted`, the likeliest first. It answers the same then, only
    sooner if it is one of these.
    """
    messages = tuned_messages(question)
    ask = _Ask(served.url, served.name, MAX_TUNED_TOKENS, messages, exact=True, predicted=predicted)
    return _guarded(ask, _stream_loaded(ask))


@dataclass(frozen=True, slots=True)
class _Ask:
    url: str | None
    model: str
    max_tokens: int
    messages: list[dict[str, str]]
    exact: bool
    predicted: Sequence[str] = ()
    with_logprobs: bool = False

    @property
    def more(self) -> dict[str, object]:
        """Further parameters of OpenAI's. Only the embedded server heeds a prediction each part of
        which is one of the answers that may come."""
        asked: dict[str, object] = {"logprobs": True} if self.with_logprobs else {}
        if self.predicted and not settings.LLM_URL:
            parts = [{"type": "text", "text": text} for text in self.predicted]
            asked["prediction"] = {"type": "content", "content": parts}
        return asked

    def is_other(self, told: str) -> bool:
        """Whether `told`, the name that the server gives, is that of another model than asked.

        `transformers serve` may add a revision: `docs-v0001@main`. vLLM gives an adapter by its
        own name and a base model by the first of its names; others give a path or a date. So where
        not `exact`, only the name of a tuned version is another model.
        """
        name = told.partition("@")[0]
        if not name or name == self.model:
            return False
        return self.exact or name.startswith(_TUNED)


async def _guarded(ask: _Ask, stream: AsyncGenerator[Delta]) -> AsyncGenerator[Delta]:
    """The stream, unless the same model of the same server has just failed."""
    breaker = _breakers.setdefault((ask.url, ask.model), Breaker())
    if not breaker.lets_through():
        raise ModelUnavailable("The model server failed a moment ago.")
    writes = False
    try:
        async with contextlib.aclosing(stream) as deltas:
            async for delta in deltas:
                writes |= bool(delta.text)
                yield delta
    except ModelUnavailable:
        breaker.failed()
        raise
    except GeneratorExit:
        # Whoever has read enough leaves early; what the server wrote until then is no failure.
        if writes:
            breaker.succeeded()
        raise
    breaker.succeeded()


async def _stream_loaded(ask: _Ask) -> AsyncGenerator[Delta]:
    """The stream of an adapter, loaded first if a company's server was restarted without it: then
    that is waited for, too, and the stream gets its whole time anew."""
    for may_load in (bool(settings.LLM_URL), False):
        try:
            async with contextlib.aclosing(_stream(ask)) as deltas:
                async for delta in deltas:
                    yield delta
        except ModelUnknown:
            if not may_load:
                raise
            await asyncio.to_thread(_load, ask.model)
        else:
            return


def _load(name: str) -> None:
    try:
        vllm.load(name)
    except vllm.AdapterRefused as error:
        raise ModelUnavailable(str(error)) from error


async def _stream(ask: _Ask) -> AsyncGenerator[Delta]:
    """What the model writes, all of it within `settings.LLM_TIMEOUT` seconds."""
    deadline = asyncio.get_running_loop().time() + settings.LLM_TIMEOUT
    tracing.note(model=ask.model)
    written = pieces(ask.url, ask.model, ask.messages, max_tokens=ask.max_tokens, more=ask.more)
    async with contextlib.aclosing(written):
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    piece = await anext(written)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                message = f"No whole answer within {settings.LLM_TIMEOUT:g} seconds."
                raise ModelUnavailable(message) from error
            if ask.is_other(piece.model):
                raise ModelUnavailable(f"It answers as another model: {piece.model[:100]}.")
            read, said = piece.prompt_tokens, piece.completion_tokens
            if read or said:
                tracing.note(prompt_tokens=read, completion_tokens=said)
            yield Delta(
                piece.text, prompt_tokens=read, completion_tokens=said, logprob=piece.logprob
            )
