"""The chat models that answer, over OpenAI's protocol, and their one way to fail.

A hundred answers may be under way in one web process, so each piece of them is read by httpx and
`json` alone. The libraries for the protocol take three times as long for one, and two seconds to
import, for which the first question would wait.
"""

from __future__ import annotations

import contextlib
import json
import math
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from django.conf import settings

from ingestion import tracing
from router.text import storable

# Characters of what a server says when it refuses.
_TOLD = 1_000
# No model reads or writes so many for one answer, and a row takes a few times as many.
_MOST_TOKENS = 10**8


class ModelUnavailable(RuntimeError):
    """The model server refused, took too long, failed, or broke off in the middle.

    `brief` says so in no words of the server, which may repeat the prompt, but for the name by
    which it answers and what it says when it loads a model. Both can be stored, whatever it sent.
    """

    def __init__(self, message: str, *, brief: str = "") -> None:
        super().__init__(storable(message))
        self.brief = brief or str(self)


class ModelUnknown(ModelUnavailable):
    """The model server is well, but has no model of that name."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a server sends at once; `model` is the name that it gives, empty if it gives none. The
    tokens are all until then, 0 where they are not told: most servers tell them at the end."""

    text: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    is_last: bool
    """Whether the model came to an end with it; token counts may follow."""
    logprob: float | None = None
    """The natural logarithm of how probable the model takes it to be, where that is told."""


async def pieces(
    url: str | None,
    model: str,
    messages: Sequence[Mapping[str, str]],
    *,
    max_tokens: int,
    more: Mapping[str, object] | None = None,
) -> AsyncGenerator[Piece]:
    """What the model writes, piece by piece: the likeliest words, the same each time.

    `url` ends with the protocol's version; None: no server runs. `more` are further parameters.
    Each piece has to come within `settings.LLM_TIMEOUT` seconds. Closing the generator closes the
    connection, which stops the server's work. Raises `ModelUnavailable`.
    """
    if url is None:
        raise ModelUnavailable("No model server runs.")
    body = {
        "model": model,
        "messages": messages,
        "max_completion_tokens": max_tokens,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
        **(more or {}),
    }
    headers = {"Authorization": f"Bearer {settings.LLM_API_KEY}", **tracing.headers()}
    address, rest, has_ended = f"{url.rstrip('/')}/chat/completions", b"", False
    # The client is the call's own: a connection belongs to one event loop, and commands and tests
    # have several.
    with _failures():
        async with (
            httpx.AsyncClient(verify=_trusted(), timeout=settings.LLM_TIMEOUT) as client,
            client.stream("POST", address, json=body, headers=headers) as reply,
        ):
            if not reply.is_success:
                raise _refused(reply.status_code, await reply.aread())
            async for part in reply.aiter_bytes():
                # Of bytes, as a text may hold what ends a line in Unicode.
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    if (data := _data(line)) is not None:
                        piece = _read(data)
                        has_ended |= piece.is_last
                        yield piece
    if not has_ended:
        raise ModelUnavailable("The model server broke off.")


def _data(line: bytes) -> bytes | None:
    """What a line of the stream of events carries; None: nothing, or that it ends."""
    name, _, value = line.partition(b":")
    data = value.strip()
    return data if name == b"data" and data != b"[DONE]" else None


def _read(data: bytes) -> Piece:
    """Raises `ModelUnavailable` for an error of the server, and one of `_GARBAGE` for what is of
    another form than the protocol's."""
    told: dict[str, Any] = json.loads(data)
    if error := told.get("error"):
        brief = "It sent an error in the middle."
        raise ModelUnavailable(f"{brief} {str(error)[:_TOLD]}", brief=brief)
    # One answer is asked for; beside token counts there is none.
    choice = next(iter(told["choices"]), None) or {"delta": {}}
    usage = told.get("usage") or {"prompt_tokens": 0, "completion_tokens": 0}
    return Piece(
        text=_text(choice["delta"].get("content")),
        model=str(told.get("model") or ""),
        prompt_tokens=_count(usage["prompt_tokens"]),
        completion_tokens=_count(usage["completion_tokens"]),
        is_last=bool(choice.get("finish_reason")),
        logprob=_logprob(choice.get("logprobs")),
    )


def _text(content: object) -> str:
    if content is not None and not isinstance(content, str):
        raise TypeError(f"The text of a piece is {type(content).__name__}.")
    return storable(content or "")


def _logprob(told: Any) -> float | None:
    """That of all tokens of a piece together."""
    each = told and told.get("content")
    return math.fsum(float(one["logprob"]) for one in each) if each else None


def _count(tokens: Any) -> int:
    """Below zero there are none: that is how some servers say that they do not know."""
    count = max(0, int(tokens))
    if count > _MOST_TOKENS:
        raise ValueError("It counts more tokens than there can be.")
    return count


# --- Failures ----------------------------------------------------------------------------------
# What is raised for bytes that are no text, for text that is no JSON or is nested without end, and
# for JSON of another form than the protocol's.
_GARBAGE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)


def _refused(status: int, body: bytes) -> ModelUnavailable:
    message = f"Status {status}: {body[:_TOLD].decode(errors='replace')}"
    if status == httpx.codes.NOT_FOUND:
        return ModelUnknown(message, brief="It does not know the model (404).")
    return ModelUnavailable(message, brief=f"It answered with status {status}.")


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Turn whatever a call raises for the server's sake into `ModelUnavailable`."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        brief = f"No answer came through ({type(error).__name__})."
        raise ModelUnavailable(f"{brief} {error}", brief=brief) from error
    except _GARBAGE as error:
        brief = f"It sent something else than an answer ({type(error).__name__})."
        raise ModelUnavailable(f"{brief} {error}", brief=brief) from error


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates of the system, read once: that takes longer than a question's search."""
    return ssl.create_default_context()
