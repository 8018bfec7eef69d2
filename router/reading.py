"""Answers from the passages: a value that stands where an earlier question found it, what the
reader finds and a passage bears out, or the one sentence that is nearly certainly the answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings

from router import engines
from router.concise import value_alone
from router.drafting import (
    Sentence,
    begin,
    held,
    is_refusal,
    shown,
    since,
    written,
)
from router.drafts import Attempt, Draft
from router.policy import Rule, why_no_passage
from router.precedents import keeping as precedents
from router.precedents.kinds import LEAST_LIKELY
from router.prompts import MAX_PASSAGES, Passage, passage_of, reader_messages
from router.quoting import (
    BELIEVED,
    SECONDED,
    SECONDED_FAR,
    Likelihoods,
    excerpts,
    is_only_one,
    is_outdone,
    is_unlikely,
    likeliest,
)
from router.text import exact_form, without_marks
from router.verification import Support, are_all_named, passages_naming_all, verify

if TYPE_CHECKING:
    from router.precedents.settling import Settled


# How many of the best passages are read alone when all together gave nothing.
READ_ALONE = 2
NOTHING_LIKELY = "No sentence of the passages is likely to be about that."
UNLIKELY = "The sentence that holds the answer is unlikely to be about that."


async def from_passages(draft: Draft) -> AsyncGenerator[Sentence]:
    """The value that stands where an earlier question found its answer; else what is read."""
    started = time.perf_counter()
    passages = [passage_of(hit.chunk) for hit in draft.found.hits]
    settled = await _settled(draft, passages)
    if settled is None:
        async with contextlib.aclosing(_read_by_model(draft, passages)) as sentences:
            async for sentence in sentences:
                yield sentence
        return
    attempt = begin(draft, "rag", "")
    attempt.precedent, attempt.verify_ms = settled.question, since(started)
    attempt.is_only = settled.is_only
    support = Support(True, span=(settled.passage, *settled.sentence), score=settled.score)
    value = passages[settled.passage].text[settled.start : settled.end]
    yield shown(value, support, attempt)


async def _settled(draft: Draft, passages: Sequence[Passage]) -> Settled | None:
    # Where the search got no vector, no server of vectors is waited for again.
    if not draft.books or draft.found.vector is None:
        return None
    collections = [hit.chunk.version.document.collection_id for hit in draft.found.hits]
    found = await asyncio.to_thread(
        precedents.settled, draft.read_for, passages, collections, draft.books
    )
    for one in found:
        value = passages[one.passage].text[one.start : one.end]
        if one.is_sure or _was_said(draft, value):
            return one
        if await asyncio.to_thread(_is_seconded, draft, passages, one):
            return one
    return None


def _was_said(draft: Draft, value: str) -> bool:
    """Whether the tuned model gave the same value, which the check found too little for."""
    said = (one.written for one in draft.attempts if one.engine == "tuned")
    return any(exact_form(without_marks(one)) == exact_form(value) for one in said)


def _is_seconded(draft: Draft, passages: Sequence[Passage], found: Settled) -> bool:
    """Whether its sentence may be the answer: what is asked for may be missing, and what is next to
    it was asked in words like these."""
    least = LEAST_LIKELY if found.is_only else SECONDED_FAR if found.is_far else SECONDED
    span = (found.passage, *found.sentence)
    likely = draft.relevance.alone(passages, span)
    if likely is not None and likely < least:
        return False
    return found.is_only or not is_outdone(passages, _looked_at(draft, passages), span)


async def _read_by_model(draft: Draft, passages: Sequence[Passage]) -> AsyncGenerator[Sentence]:
    """The sentences of the reader that stand in the passages, up to the first that does not.

    What it overlooks in all its readings is quoted, where one sentence is nearly certain to be the
    answer. A sentence that is unlikely to be bears out nothing that the reader says.
    """
    likely = await asyncio.to_thread(_looked_at, draft, passages)
    if problem := _why_unread(draft, passages, likely):
        begin(draft, "rag", "").problem = problem
        return
    attempt = kept = begin(draft, "rag", settings.LLM_MODEL)
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
    if best and best.is_quoted and best.passage in passages_naming_all(draft.read_for, passages):
        kept.quoted, kept.problem = True, ""
        support = Support(True, span=best.span, score=best.probability)
        yield shown(passages[best.passage].text[best.start : best.end], support, kept)


def _looked_at(draft: Draft, passages: Sequence[Passage]) -> Likelihoods:
    """Of those that a reader would get whole, and where these hold nothing likely, of all."""
    return draft.relevance.among(passages, MAX_PASSAGES, len(passages))


def _why_unread(draft: Draft, passages: Sequence[Passage], likely: Likelihoods) -> str:
    """Why the reader is not asked: nothing that it could say would be shown. Empty: it is."""
    if not passages:
        return why_no_passage(draft.signals)
    return NOTHING_LIKELY if likely and max(likely.values()) < BELIEVED else ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the reader is given at once, and where these stand among the passages, from 0. `alone`
    is the rank of the one passage that it is then, 0: there are several or parts of them."""

    places: Sequence[int]
    given: Sequence[Passage]
    alone: int = 0


def _readings(draft: Draft, passages: Sequence[Passage], likely: Likelihoods) -> Iterator[_Reading]:
    """The sentences that are likeliest the answer, as a small model overlooks among a thousand
    words what it sees among fifty. Where nobody knows which these are, or several things are asked
    for, whole passages: together, then the best ones alone."""
    if likely and draft.decision.rule is not Rule.SEVERAL:
        places, given = zip(*excerpts(passages, likely), strict=True)
        yield _Reading(places, given)
        return
    first = passages[:MAX_PASSAGES]
    yield _Reading(range(len(first)), first)
    # A single passage was read alone already.
    if len(first) > 1 and are_all_named(draft.read_for, first):
        for place in range(min(READ_ALONE, len(first))):
            yield _Reading([place], [passages[place]], alone=place + 1)


def _support_of_read(
    draft: Draft,
    passages: Sequence[Passage],
    likely: Likelihoods,
    places: Sequence[int],
    said: str,
) -> Support:
    """Held against all passages; `places` are those that the reader was given, which it cites by
    their numbers."""
    order = [*places, *(place for place in range(len(passages)) if place not in places)]
    ordered = [passages[place] for place in order]
    support = verify(draft.read_for, said, ordered).of_places(order)
    if (
        support.span
        and is_unlikely(passages, likely, support.span)
        and not is_only_one(draft.read_for, passages, support.span)
    ):
        return replace(support, supported=False, problem=UNLIKELY)
    return support


async def _read(
    draft: Draft, attempt: Attempt, reading: _Reading, hold: Callable[[str], Support]
) -> AsyncGenerator[Sentence]:
    """What the reader finds in what it is given, up to the first that is not borne out."""
    prompt = partial(reader_messages, draft.read_for, reading.given)
    stream = written(engines.rag(draft.read_for, reading.given), prompt, attempt)
    async with contextlib.aclosing(stream) as texts:
        async for text in texts:
            if is_refusal(text):
                attempt.refused = True
                attempt.problem = attempt.problem or "The passages do not hold the answer."
                return
            support = held(attempt, partial(hold, text))
            if not support.supported:
                attempt.rejected, attempt.problem = support, support.problem
                return
            yield shown(value_alone(draft.read_for, without_marks(text)), support, attempt)
