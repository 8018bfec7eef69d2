"""What a model writes as it comes: whole sentences, each held against the passages and kept with
what became of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Literal

from ingestion import tracing
from ingestion.tokens import count_tokens
from router import engines
from router.drafts import Attempt, Draft
from router.llm import ModelUnavailable
from router.prompts import REFUSAL
from router.text import exact_form, split_finished, without_marks
from router.verification import Support


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its trailing white space, and the passage (from 1) it stands in; 0: in none.

    Joined together they are the answer; only a model server that breaks off takes them back.
    """

    text: str
    rank: int


def begin(draft: Draft, engine: Literal["tuned", "rag"], model: str) -> Attempt:
    """A new attempt of the draft, to which all that follows is noted."""
    attempt = Attempt(engine, model)
    draft.attempts.append(attempt)
    return attempt


def is_refusal(text: str) -> bool:
    """Whether a sentence of a model is the fixed refusal, however it is written."""
    return exact_form(without_marks(text)) == exact_form(REFUSAL)


@tracing.span("verify")
def held(attempt: Attempt, hold: Callable[[], Support]) -> Support:
    """What holding a sentence against the passages gives; the attempt takes the time."""
    started = time.perf_counter()
    support = hold()
    attempt.verify_ms += since(started)
    tracing.note(supported=support.supported)
    return support


def shown(text: str, support: Support, attempt: Attempt) -> Sentence:
    """The sentence without marks, kept with the attempt."""
    said = without_marks(text)
    attempt.sentences.append(said)
    attempt.supports.append(support)
    return Sentence(said, support.span[0] + 1 if support.span else 0)


async def written(
    stream: AsyncGenerator[engines.Delta],
    prompt: Callable[[], list[dict[str, str]]],
    attempt: Attempt,
) -> AsyncGenerator[str]:
    """The model's words, whole sentences only; a failure of the server ends them.

    A server counts tokens at the end, or all until then with each piece. Where that is not awaited
    they are estimated, by the word pieces of the embedding model, so that what was paid for is not
    taken for nothing.
    """
    read, said, rest = attempt.prompt_tokens, attempt.completion_tokens, ""
    generating = tracing.steps("generate", stream, engine=attempt.engine, alone=attempt.alone)
    try:
        async with contextlib.aclosing(_timed(generating, attempt)) as deltas:
            async for delta in deltas:
                attempt.written += delta.text
                if delta.logprob is not None:
                    attempt.logprob = (attempt.logprob or 0.0) + delta.logprob
                attempt.prompt_tokens = max(attempt.prompt_tokens, read + delta.prompt_tokens)
                attempt.completion_tokens = max(
                    attempt.completion_tokens, said + delta.completion_tokens
                )
                sentences, rest = split_finished(rest + delta.text)
                for sentence in sentences:
                    yield sentence
    except ModelUnavailable as error:
        attempt.failed, attempt.fault = str(error), error.brief
        attempt.problem = "The model server does not answer; here are the passages."
        return
    finally:
        if attempt.written and attempt.prompt_tokens == read:
            asked = "\n".join(message["content"] for message in prompt())
            attempt.prompt_tokens += count_tokens(asked)
            attempt.completion_tokens += count_tokens(attempt.written)
    if rest.strip():
        yield rest
    if not attempt.written.strip():
        attempt.fault = "It wrote nothing."
        attempt.problem = f"{attempt.model} wrote nothing."


async def _timed(
    stream: AsyncGenerator[engines.Delta], attempt: Attempt
) -> AsyncGenerator[engines.Delta]:
    """The stream; the attempt takes the time that is waited for it, also in vain."""
    async with contextlib.aclosing(stream):
        while True:
            started = time.perf_counter()
            try:
                delta = await anext(stream)
            except StopAsyncIteration:
                return
            finally:
                attempt.generate_ms += since(started)
            yield delta


def since(started: float) -> float:
    """Milliseconds."""
    return (time.perf_counter() - started) * 1000
