"""Ways to draft an answer. A draft is not yet to be trusted: `router.verification` checks it."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import cache

import httpx
from django.conf import settings

from router.llm import ModelUnavailable, chat_model, model_errors
from router.prompts import Passage, reader_messages
from router.serving import llm_url

MAX_ANSWER_TOKENS = 256
BREAK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a draft; the last one carries the token counts, if the server gives them."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Breaker:
    """Keeps questions from waiting for a model server that has just failed one.

    After a failure nothing is let through for `seconds`; then one call at a time, until one
    succeeds.
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


_breakers: dict[str | None, Breaker] = {}


async def rag(question: str, passages: Sequence[Passage]) -> AsyncGenerator[Delta]:
    """What the model writes to a question when it reads `passages`, piece by piece.

    Closing the generator closes the connection, so that the server stops as well. Raises
    `ModelUnavailable`, at once if the server failed a moment ago.
    """
    breaker = _breakers.setdefault(await asyncio.to_thread(llm_url), Breaker())
    if not breaker.lets_through():
        raise ModelUnavailable("The model server failed a moment ago.")
    try:
        async with contextlib.aclosing(_stream(reader_messages(question, passages))) as stream:
            async for delta in stream:
                yield delta
    except ModelUnavailable:
        breaker.failed()
        raise
    breaker.succeeded()


async def _stream(messages: list[dict[str, str]]) -> AsyncGenerator[Delta]:
    """The chat model's stream, all of it within `settings.LLM_TIMEOUT` seconds.

    The client is the call's own: a connection belongs to one event loop, and commands and tests
    have several.
    """
    deadline = asyncio.get_running_loop().time() + settings.LLM_TIMEOUT
    async with httpx.AsyncClient(verify=_trusted(), timeout=settings.LLM_TIMEOUT) as client:
        # In a thread, because the first call imports for a second.
        model = await asyncio.to_thread(
            chat_model, max_tokens=MAX_ANSWER_TOKENS, http_async_client=client
        )
        chunks = aiter(model.astream(messages))
        ended = False
        while True:
            try:
                with model_errors():
                    async with asyncio.timeout_at(deadline):
                        chunk = await anext(chunks)
            except StopAsyncIteration:
                break
            except TimeoutError as error:
                message = f"No whole answer within {settings.LLM_TIMEOUT:g} seconds."
                raise ModelUnavailable(message) from error
            ended |= "finish_reason" in chunk.response_metadata
            usage = chunk.usage_metadata
            yield Delta(
                text=chunk.text,
                prompt_tokens=usage["input_tokens"] if usage else 0,
                completion_tokens=usage["output_tokens"] if usage else 0,
            )
    if not ended:
        raise ModelUnavailable("The model server broke off.")


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates of the system, read once: that takes longer than a question's search."""
    return ssl.create_default_context()
