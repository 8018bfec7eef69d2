"""The sentences of an answer as they come, each checked against the passages. Keeps nothing.

What was shown is never taken back. So a tuned model's answer, which is short, is shown once all of
it is borne out; of what is read from passages each sentence is, up to the first that is not.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from django.conf import settings

from ingestion.tokens import count_tokens
from router import engines
from router.drafts import Attempt, Draft
from router.llm import ModelUnavailable
from router.prompts import MAX_PASSAGES, REFUSAL, Passage, reader_messages, tuned_messages
from router.text import exact_form, split_finished, without_marks
from router.verification import Support, verify

if TYPE_CHECKING:
    from router.retrieval.searching import Hit
    from router.tuned import ServedModel


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its trailing white space, and the passage (from 1) it stands in; 0: in none.

    Joined together they are the answer; only a model server that breaks off takes them back.
    """

    text: str
    rank: int


async def written_sentences(draft: Draft) -> AsyncGenerator[Sentence]:
    """What is shown of the draft, sentence by sentence. It never raises for what a server does.

    The engine of the decision is asked first. If nothing that it says is borne out, the other one
    is, unless the route was asked for or the decision rules it out.
    """
    match draft.decision.engine:
        case "tuned" if draft.route_asked == "tuned":
            engines_in_turn = [_as_it_comes]
        case "tuned":
            engines_in_turn = [_from_weights, _from_passages]
        case "rag":
            engines_in_turn = [_from_passages]
            if draft.decision.may_fall_back:
                engines_in_turn.append(_from_weights)
        case "refused":
            engines_in_turn = []
    for write in engines_in_turn:
        was_shown = False
        async with contextlib.aclosing(write(draft)) as sentences:
            async for sentence in sentences:
                was_shown = True
                yield sentence
        if was_shown:
            return


# --- The engines ------------------------------------------------------------------------------


async def _from_passages(draft: Draft) -> AsyncGenerator[Sentence]:
    """The sentences of the reader that stand in the passages, up to the first that does not."""
    passages = [passage_of(hit) for hit in draft.found.hits[:MAX_PASSAGES]]
    attempt = _attempt(draft, "rag", settings.LLM_MODEL)
    if not passages:
        attempt.problem = "No passage that you may read matches the question."
        return
    prompt = partial(reader_messages, draft.question, passages)
    stream = _written(engines.rag(draft.question, passages), prompt, attempt)
    async with contextlib.aclosing(stream) as written:
        async for text in written:
            if _is_refusal(text):
                attempt.refused = True
                attempt.problem = attempt.problem or "The passages do not hold the answer."
                return
            support = _check(draft.question, text, passages, attempt)
            if not support.supported:
                attempt.rejected, attempt.problem = support, support.problem
                return
            yield _shown(text, support, attempt)


async def _from_weights(draft: Draft) -> AsyncGenerator[Sentence]:
    """The tuned model's answer, if the passages bear out all of it."""
    async with contextlib.aclosing(_as_it_comes(draft)) as written:
        sentences = [sentence async for sentence in written]
    attempt = draft.attempts[-1]
    if attempt.rejected is not None:
        attempt.sentences, attempt.supports = [], []
        attempt.problem = f"The answer of {attempt.model} is not shown: {attempt.problem}"
    elif not attempt.is_empty:
        for sentence in sentences:
            yield sentence


async def _as_it_comes(draft: Draft) -> AsyncGenerator[Sentence]:
    """All that the tuned model says, each sentence held against every passage that was found."""
    served = _served(draft)
    passages = [passage_of(hit) for hit in draft.found.hits]
    attempt = _attempt(draft, "tuned", served.name)
    prompt = partial(tuned_messages, draft.question)
    stream = _written(engines.tuned(draft.question, served), prompt, attempt)
    async with contextlib.aclosing(stream) as written:
        async for text in written:
            if _is_refusal(text):
                attempt.refused = True
                attempt.problem = attempt.problem or f"{served.name} does not know the answer."
                return
            support = _check(draft.question, text, passages, attempt)
            if not support.supported and attempt.rejected is None:
                attempt.rejected, attempt.problem = support, support.problem
            yield _shown(text, support, attempt)


def _served(draft: Draft) -> ServedModel:
    if draft.served is None:
        raise ValueError(f"{draft.decision.rule}: there is no tuned model to ask.")
    return draft.served


def _attempt(draft: Draft, engine: Literal["tuned", "rag"], model: str) -> Attempt:
    attempt = Attempt(engine, model)
    draft.attempts.append(attempt)
    return attempt


# --- What they write --------------------------------------------------------------------------


def _is_refusal(text: str) -> bool:
    return exact_form(without_marks(text)) == exact_form(REFUSAL)


def _check(question: str, text: str, passages: Sequence[Passage], attempt: Attempt) -> Support:
    started = time.perf_counter()
    support = verify(question, text, passages)
    attempt.verify_ms += since(started)
    return support


def _shown(text: str, support: Support, attempt: Attempt) -> Sentence:
    said = without_marks(text)
    attempt.sentences.append(said)
    attempt.supports.append(support)
    return Sentence(said, support.span[0] + 1 if support.span else 0)


async def _written(
    stream: AsyncGenerator[engines.Delta],
    prompt: Callable[[], list[dict[str, str]]],
    attempt: Attempt,
) -> AsyncGenerator[str]:
    """The model's words, whole sentences only; a failure of the server ends them.

    A server counts tokens at the end. Where that is not awaited they are estimated, by the word
    pieces of the embedding model, so that what was paid for is not taken for nothing.
    """
    started = time.perf_counter()
    rest = ""
    try:
        async with contextlib.aclosing(stream) as deltas:
            async for delta in deltas:
                attempt.generate_ms = since(started)
                attempt.written += delta.text
                attempt.prompt_tokens += delta.prompt_tokens
                attempt.completion_tokens += delta.completion_tokens
                sentences, rest = split_finished(rest + delta.text)
                for sentence in sentences:
                    yield sentence
    except ModelUnavailable as error:
        attempt.failed = str(error)
        attempt.problem = "The model server does not answer; here are the passages."
        return
    finally:
        if attempt.written and not attempt.prompt_tokens:
            asked = "\n".join(message["content"] for message in prompt())
            attempt.prompt_tokens = count_tokens(asked)
            attempt.completion_tokens = count_tokens(attempt.written)
    if rest.strip():
        yield rest


def since(started: float) -> float:
    """Milliseconds."""
    return (time.perf_counter() - started) * 1000


def passage_of(hit: Hit) -> Passage:
    """A hit as models and the check read it."""
    version = hit.chunk.version
    return Passage(
        title=version.title or version.document.title,
        heading=" > ".join(hit.chunk.heading_path),
        text=hit.chunk.text,
        path=version.document.path,
    )
