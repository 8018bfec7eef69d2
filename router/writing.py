"""The sentences of an answer as they come, each checked against the passages. Keeps nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from router import engines
from router.drafts import Draft
from router.llm import ModelUnavailable
from router.prompts import MAX_PASSAGES, REFUSAL, Passage
from router.text import exact_form, split_finished, without_marks
from router.verification import verify

if TYPE_CHECKING:
    from router.retrieval.searching import Hit


@dataclass(frozen=True, slots=True)
class Sentence:
    """A checked sentence with its trailing white space, and the passage (from 1) it stands in.

    Joined together they are the answer; only a refusal at the end takes them back.
    """

    text: str
    rank: int


async def sentences_from_passages(question: str, draft: Draft) -> AsyncGenerator[Sentence]:
    """The sentences of the model that stand in the passages, up to the first that does not."""
    passages = [_passage(hit) for hit in draft.found.hits[:MAX_PASSAGES]]
    if not passages:
        draft.problem = "No passage that you may read matches the question."
        return
    draft.model = settings.LLM_MODEL
    async with contextlib.aclosing(_written(engines.rag(question, passages), draft)) as written:
        async for text in written:
            if exact_form(without_marks(text)) == exact_form(REFUSAL):
                draft.model_refused = True
                draft.problem = draft.problem or "The passages do not hold the answer."
                return
            started = time.perf_counter()
            support = verify(question, text, passages)
            draft.verify_ms += since(started)
            if not support.supported or support.span is None:
                draft.rejected, draft.problem = support, support.problem
                return
            said = without_marks(text)
            draft.sentences.append(said)
            draft.supports.append(support)
            yield Sentence(said, support.span[0] + 1)


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
