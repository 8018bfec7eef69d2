"""The sentences of an answer as they come, each checked against the passages. Keeps nothing.

What was shown is never taken back. So a tuned model's answer, which is short, is shown once all of
it is borne out; of what is read from passages each sentence is, up to the first that is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from django.conf import settings

from ingestion import tracing
from ingestion.tokens import count_tokens
from router import engines
from router.concise import value_alone
from router.drafts import Attempt, Draft
from router.llm import ModelUnavailable
from router.policy import Rule, why_no_passage
from router.precedents import keeping as precedents
from router.prompts import MAX_PASSAGES, REFUSAL, Passage, reader_messages, tuned_messages
from router.quoting import (
    BELIEVED,
    SECONDED,
    SECONDED_FAR,
    excerpts,
    is_unlikely,
    likeliest,
    likelihoods,
    texts_of,
)
from router.taught import support_of
from router.text import exact_form, split_finished, without_marks
from router.verification import Support, names_all, verify

if TYPE_CHECKING:
    from router.evidence.focus import Place
    from router.precedents.settling import Settled
    from router.retrieval.searching import Hit
    from router.tuned import ServedModel


# How many of the best passages are read alone when all together gave nothing.
READ_ALONE = 2
WEAK = "What bears it out fits the question less than its answers must that are shown unread."
UNLIKELY = "The sentence that holds the answer is unlikely to be about that."


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
    for turn, write in enumerate(engines_in_turn):
        was_shown, writing = False, write(draft)
        if turn:
            writing = tracing.steps("fallback", writing)
        async with contextlib.aclosing(writing) as sentences:
            async for sentence in sentences:
                was_shown = True
                yield sentence
        if was_shown:
            return


# --- The engines ------------------------------------------------------------------------------


async def _from_passages(draft: Draft) -> AsyncGenerator[Sentence]:
    """The value that stands where an earlier question found its answer; else what is read."""
    started = time.perf_counter()
    passages = [passage_of(hit) for hit in draft.found.hits]
    settled = await _settled(draft, passages)
    if settled is None:
        async with contextlib.aclosing(_read_by_model(draft, passages[:MAX_PASSAGES])) as sentences:
            async for sentence in sentences:
                yield sentence
        return
    attempt = _attempt(draft, "rag", "")
    attempt.precedent, attempt.verify_ms = settled.question, since(started)
    support = Support(True, span=(settled.passage, *settled.sentence), score=settled.score)
    value = passages[settled.passage].text[settled.start : settled.end]
    yield _shown(value, support, attempt)


async def _settled(draft: Draft, passages: Sequence[Passage]) -> Settled | None:
    # Where the search got no vector, no server of vectors is waited for again.
    if not draft.books or draft.found.vector is None:
        return None
    collections = [hit.chunk.version.document.collection_id for hit in draft.found.hits]
    found = await asyncio.to_thread(
        precedents.settled, draft.read_for, passages, collections, draft.books
    )
    if found is None or found.is_sure:
        return found
    # What is asked for may be missing, and what is next to it was asked in words like these.
    least = SECONDED_FAR if found.is_far else SECONDED
    span = (found.passage, *found.sentence)
    return None if await _is_doubted(draft, passages, span, least) else found


async def _is_doubted(
    draft: Draft, passages: Sequence[Passage], span: tuple[int, int, int], least: float
) -> bool:
    """Whether the sentence at a span is less likely the answer than `least`, of its passage alone;
    nobody doubts it while nothing is reranked."""
    passage = [passages[span[0]]]
    likely = await asyncio.to_thread(_likelihoods, draft, passage)
    return is_unlikely(passage, likely, (0, *span[1:]), least=least)


async def _read_by_model(draft: Draft, passages: Sequence[Passage]) -> AsyncGenerator[Sentence]:
    """The sentences of the reader that stand in the passages, up to the first that does not.

    What it overlooks in all its readings is quoted, where one sentence is nearly certain to be the
    answer. A sentence that is unlikely to be bears out nothing that the reader says.
    """
    attempt = kept = _attempt(draft, "rag", settings.LLM_MODEL)
    if not passages:
        attempt.problem = why_no_passage(draft.signals)
        return
    likely = await asyncio.to_thread(_likelihoods, draft, passages)
    for reading in _readings(draft, passages, likely):
        attempt = draft.attempts[-1] = attempt.again(reading.alone)
        hold = partial(_support_of_read, draft, passages, likely, reading.places)
        async with contextlib.aclosing(_read(draft, attempt, reading, hold)) as sentences:
            async for sentence in sentences:
                yield sentence
        if attempt.sentences or (attempt.failed and not reading.alone):
            return
        if not reading.alone:
            kept = attempt
    kept.take_costs(attempt)
    kept.fault = kept.fault or attempt.fault
    draft.attempts[-1] = kept
    best = likeliest(draft.read_for, passages, likely)
    if best and best.is_quoted and names_all(draft.read_for, passages):
        kept.quoted, kept.problem = True, ""
        support = Support(True, span=best.span, score=best.probability)
        yield _shown(passages[best.passage].text[best.start : best.end], support, kept)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the reader is given at once, and where these stand among the passages, from 0. `alone`
    is the rank of the one passage that it is then, 0: there are several or parts of them."""

    places: Sequence[int]
    given: Sequence[Passage]
    alone: int = 0


def _readings(
    draft: Draft, passages: Sequence[Passage], likely: Mapping[Place, float]
) -> Iterator[_Reading]:
    """The sentences that are likeliest the answer, as a small model overlooks among a thousand
    words what it sees among fifty. Where nobody knows which these are, or several things are asked
    for, whole passages: together, then the best ones alone."""
    if likely and draft.decision.rule is not Rule.SEVERAL:
        places, given = zip(*excerpts(passages, likely), strict=True)
        yield _Reading(places, given)
        return
    yield _Reading(range(len(passages)), passages)
    # A single passage was read alone already.
    if len(passages) > 1 and names_all(draft.read_for, passages):
        for place in range(min(READ_ALONE, len(passages))):
            yield _Reading([place], [passages[place]], alone=place + 1)


@tracing.span("quote")
def _likelihoods(draft: Draft, passages: Sequence[Passage]) -> Mapping[Place, float]:
    """Of each sentence, found without the reader; none while no embedding server answers."""
    if draft.found.vector is None:
        return {}
    # Loaded by the search that came before, not by the web process's start.
    from router.retrieval.reranking import RerankerUnavailable, relevance

    try:
        scores = relevance(draft.read_for, texts_of(passages))
    except RerankerUnavailable:
        return {}
    return likelihoods(draft.read_for, passages, scores)


def _support_of_read(
    draft: Draft,
    passages: Sequence[Passage],
    likely: Mapping[Place, float],
    places: Sequence[int],
    said: str,
) -> Support:
    """Held against all passages; `places` are those that the reader was given, which it cites by
    their numbers."""
    order = [*places, *(place for place in range(len(passages)) if place not in places)]
    ordered = [passages[place] for place in order]
    support = verify(draft.read_for, said, ordered).of_places(order)
    if support.span and is_unlikely(passages, likely, support.span):
        return replace(support, supported=False, problem=UNLIKELY)
    return support


async def _read(
    draft: Draft, attempt: Attempt, reading: _Reading, hold: Callable[[str], Support]
) -> AsyncGenerator[Sentence]:
    """What the reader finds in what it is given, up to the first that is not borne out."""
    prompt = partial(reader_messages, draft.read_for, reading.given)
    stream = _written(engines.rag(draft.read_for, reading.given), prompt, attempt)
    async with contextlib.aclosing(stream) as written:
        async for text in written:
            if _is_refusal(text):
                attempt.refused = True
                attempt.problem = attempt.problem or "The passages do not hold the answer."
                return
            support = _check(attempt, partial(hold, text))
            if not support.supported:
                attempt.rejected, attempt.problem = support, support.problem
                return
            yield _shown(value_alone(draft.read_for, without_marks(text)), support, attempt)


async def _from_weights(draft: Draft) -> AsyncGenerator[Sentence]:
    """The tuned model's answer, if the passages bear out all of it as well as was certified, and by
    a sentence that may be the answer."""
    passages = [passage_of(hit) for hit in draft.found.hits]
    async with contextlib.aclosing(_as_it_comes(draft)) as written:
        sentences = [sentence async for sentence in written]
    attempt = draft.attempts[-1]
    if attempt.rejected is None and attempt.sentences:
        weakest = min(attempt.supports, key=lambda support: support.score)
        if weakest.score < _least_evidence(draft.served):
            attempt.rejected, attempt.problem = weakest, WEAK
        elif weakest.span and await _is_doubted(draft, passages, weakest.span, BELIEVED):
            attempt.rejected, attempt.problem = weakest, UNLIKELY
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
            hold = partial(_support_of_tuned, draft, text, passages)
            support = _check(attempt, hold)
            if not support.supported and attempt.rejected is None:
                attempt.rejected, attempt.problem = support, support.problem
            yield _shown(text, support, attempt)


def _least_evidence(served: ServedModel | None) -> float:
    """The score that an answer's evidence must have, by what the model was certified for."""
    return served.calibration.evidence if served and served.calibration else 0.0


def _support_of_tuned(draft: Draft, text: str, passages: Sequence[Passage]) -> Support:
    """It may also be borne out as the answer to a question that the model was taught."""
    hashes = [hit.chunk.content_hash for hit in draft.found.hits]
    return support_of(draft.question, text, passages, hashes=hashes, taught=draft.taught)


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


@tracing.span("verify")
def _check(attempt: Attempt, hold: Callable[[], Support]) -> Support:
    """What holding a sentence against the passages gives; the attempt takes the time."""
    started = time.perf_counter()
    support = hold()
    attempt.verify_ms += since(started)
    tracing.note(supported=support.supported)
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
    started, spent_ms = time.perf_counter(), attempt.generate_ms
    counted, rest = attempt.prompt_tokens, ""
    generating = tracing.steps("generate", stream, engine=attempt.engine, alone=attempt.alone)
    try:
        async with contextlib.aclosing(generating) as deltas:
            async for delta in deltas:
                attempt.generate_ms = spent_ms + since(started)
                attempt.written += delta.text
                attempt.prompt_tokens += delta.prompt_tokens
                attempt.completion_tokens += delta.completion_tokens
                sentences, rest = split_finished(rest + delta.text)
                for sentence in sentences:
                    yield sentence
    except ModelUnavailable as error:
        attempt.failed, attempt.fault = str(error), error.brief
        attempt.problem = "The model server does not answer; here are the passages."
        return
    finally:
        if attempt.written and attempt.prompt_tokens == counted:
            asked = "\n".join(message["content"] for message in prompt())
            attempt.prompt_tokens += count_tokens(asked)
            attempt.completion_tokens += count_tokens(attempt.written)
    if rest.strip():
        yield rest
    if not attempt.written.strip():
        attempt.fault = "It wrote nothing."
        attempt.problem = f"{attempt.model} wrote nothing."


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
