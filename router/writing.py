"""The sentences of an answer as they come, each checked against the passages. Keeps nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from router import engines
from router.drafts import Draft
from router.llm import ModelUnavailable
from router.prompts import MAX_PASSAGES, REFUSAL, Passage
from router.text import exact_form, split_finished, without_marks
from router.verification import Support, verify

if TYPE_CHECKING:
    from router.retrieval.searching import Hit


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its trailing white space, and the passage (from 1) it stands in; 0: in none.

    Joined together they are the answer; only a refusal at the end takes them back.
    """

    text: str
    rank: int


def written_sentences(question: str, draft: Draft) -> AsyncGenerator[Sentence]:
    """What is shown of a draft, sentence by sentence. It never raises for what a server does.

    From passages, only what stands in them is shown. A tuned model is shown as it answers, and
    what the passages say to that is kept: its route is asked for by who wants to know just that.
    """
    return (_from_weights if draft.route_asked == "tuned" else _from_passages)(question, draft)


async def _from_passages(question: str, draft: Draft) -> AsyncGenerator[Sentence]:
    """The sentences of the reader that stand in the passages, up to the first that does not."""
    passages = [_passage(hit) for hit in draft.found.hits[:MAX_PASSAGES]]
    if not passages:
        draft.problem = "No passage that you may read matches the question."
        return
    draft.model = settings.LLM_MODEL
    async with contextlib.aclosing(_written(engines.rag(question, passages), draft)) as written:
        async for text in written:
            if _is_refusal(text):
                draft.model_refused = True
                draft.problem = draft.problem or "The passages do not hold the answer."
                return
            support = _check(question, text, passages, draft)
            if not support.supported:
                draft.rejected, draft.problem = support, support.problem
                return
            yield _shown(text, support, draft)


async def _from_weights(question: str, draft: Draft) -> AsyncGenerator[Sentence]:
    """All that the tuned model says, each sentence held against every passage that was found."""
    served = draft.served
    if served is None:
        return
    passages = [_passage(hit) for hit in draft.found.hits]
    draft.model = served.name
    async with contextlib.aclosing(_written(engines.tuned(question, served), draft)) as written:
        async for text in written:
            if _is_refusal(text):
                draft.model_refused = True
                draft.problem = draft.problem or f"{served.name} was not taught the answer."
                return
            support = _check(question, text, passages, draft)
            if not support.supported and draft.rejected is None:
                draft.rejected, draft.problem = support, support.problem
            yield _shown(text, support, draft)


def _is_refusal(text: str) -> bool:
    return exact_form(without_marks(text)) == exact_form(REFUSAL)


def _check(question: str, text: str, passages: Sequence[Passage], draft: Draft) -> Support:
    started = time.perf_counter()
    support = verify(question, text, passages)
    draft.verify_ms += since(started)
    return support


def _shown(text: str, support: Support, draft: Draft) -> Sentence:
    said = without_marks(text)
    draft.sentences.append(said)
    draft.supports.append(support)
    return Sentence(said, support.span[0] + 1 if support.span else 0)


async def _written(stream: AsyncGenerator[engines.Delta], draft: Draft) -> AsyncGenerator[str]:
    """The model's words, whole sentences only; a failure of the server ends them."""
    started = time.perf_counter()
    rest = ""
    try:
        async with contextlib.aclosing(stream) as deltas:
            async for delta in deltas:
                draft.generate_ms = since(started)
                draft.written += delta.text
                draft.prompt_tokens += delta.prompt_tokens
                draft.completion_tokens += delta.completion_tokens
                sentences, rest = split_finished(rest + delta.text)
                for sentence in sentences:
                    yield sentence
    except ModelUnavailable as error:
        draft.model_failed = str(error)
        draft.problem = "The model server does not answer; here are the passages."
        return
    if rest.strip():
        yield rest


def since(started: float) -> float:
    """Milliseconds."""
    return (time.perf_counter() - started) * 1000


def _passage(hit: Hit) -> Passage:
    version = hit.chunk.version
    return Passage(
        title=version.title or version.document.title,
        heading=" > ".join(hit.chunk.heading_path),
        text=hit.chunk.text,
        path=version.document.path,
    )
