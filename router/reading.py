"""Answers from the passages: a value that stands where an earlier question found it, what the
reader finds and a passage bears out, or the one sentence that is nearly certainly the answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings

from router import engines
from router.believing import LEAST, LEAST_ALONE, doubt, may_be_worded_otherwise
from router.concise import value_alone, without_lead_in
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
from router.evidence.objections import ANOTHER_KIND, TURNED_DOWN
from router.evidence.sources import read_source
from router.policy import Rule, why_no_passage, why_not_named
from router.precedents.choosing import Choice, sure
from router.precedents.finding import Findings, find
from router.precedents.holding import choice_of, why_of_what_others_asked
from router.prompts import MAX_PASSAGES, Passage, as_given, reader_messages
from router.quoting import (
    BELIEVED,
    POSSIBLE,
    Likelihoods,
    excerpts,
    likeliest,
    may_be_quoted,
    most_likely,
    seconding,
    showing,
)
from router.relevance import Relevance
from router.text import without_marks
from router.verification import Support, unnamed, verify

if TYPE_CHECKING:
    from router.asked_forms import AskedForms
    from router.evidence.focus import Place

# How many of the best passages are read alone when all together gave nothing.
READ_ALONE = 2
NOTHING_LIKELY = "No sentence of the passages is likely to be about that."


async def from_passages(draft: Draft) -> AsyncGenerator[Sentence]:
    """The value that stands where an earlier question found its answer; else what is read."""
    started = time.perf_counter()
    passages = draft.found.passages
    findings = await asyncio.to_thread(_findings, draft, passages)
    if findings.unnamed:
        signals = replace(draft.signals, unnamed=findings.unnamed)
        begin(draft, "rag", "").problem = why_not_named(signals)
        return
    choice = await chosen(draft, passages)
    if choice is None or not choice.is_answer:
        async with contextlib.aclosing(_read_by_model(draft, passages)) as sentences:
            async for sentence in sentences:
                yield sentence
        return
    attempt, lead = begin(draft, "rag", ""), choice.lead
    attempt.precedent, attempt.verify_ms = lead.question, since(started)
    attempt.is_only = not lead.is_worded
    support = Support(True, span=lead.span, score=choice.probability)
    value = lead.value(passages)
    # Rules take a whole cell for the value; people's answers are as they want them.
    yield shown(value if lead.is_written else value_alone(draft.read_for, value), support, attempt)


async def predicted(draft: Draft, passages: Sequence[Passage]) -> str:
    """What a tuned model likely answers: the sure value that precedents lead to, or the nearest;
    else what the nearest question was answered with that it was taught. Empty: nobody knows."""
    findings = await asyncio.to_thread(_findings, draft, passages)
    if leads := findings.leads:
        return (sure(leads) or leads[0]).value(passages)
    return draft.taught.answer if draft.taught else ""


async def chosen(draft: Draft, passages: Sequence[Passage]) -> Choice | None:
    """The likeliest of the values that precedents lead to; None: they lead to none."""
    return await asyncio.to_thread(_chosen, draft, passages)


def _findings(draft: Draft, passages: Sequence[Passage]) -> Findings:
    """What precedents make of the question, which is looked for once."""
    if draft.findings is None:
        draft.findings = find(draft.read_for, passages, draft.found.collections, draft.books)
        draft.relevance.know(draft.findings.forms)
    return draft.findings


def _chosen(draft: Draft, passages: Sequence[Passage]) -> Choice | None:
    return choice_of(_findings(draft, passages), passages, draft.relevance)


async def _read_by_model(draft: Draft, passages: Sequence[Passage]) -> AsyncGenerator[Sentence]:
    """The sentences of the reader that stand in the passages, up to the first that does not.

    It is asked in the words in which the same was asked before, if it was. What it overlooks in all
    its readings is quoted, where one sentence is nearly certain to be the answer.
    """
    worded = _as_before(draft)
    looked = await asyncio.to_thread(_look_at, draft, worded or draft.read_for, passages)
    if problem := _why_unread(draft, looked):
        begin(draft, "rag", "").problem = problem
        return
    attempt = kept = begin(draft, "rag", settings.LLM_MODEL)
    attempt.worded = worded
    for reading in _readings(draft, looked):
        attempt = draft.attempts[-1] = attempt.again(reading.alone)
        hold = partial(_support_of_read, draft, looked, reading, attempt)
        read = _read(draft, looked.asked, attempt, reading, hold)
        async with contextlib.aclosing(read) as sentences:
            async for sentence in sentences:
                yield sentence
        if attempt.sentences or (attempt.failed and not reading.alone):
            return
        if not reading.alone:
            kept = attempt
    kept.take_costs(attempt)
    kept.fault = kept.fault or attempt.fault
    draft.attempts[-1] = kept
    best = likeliest(looked.asked, passages, looked.likely)
    if best and may_be_quoted(draft.read_for, passages, best):
        kept.quoted, kept.problem = True, ""
        support = Support(True, span=best.span, score=best.probability, meant=worded)
        quote = passages[best.passage].text[best.start : best.end]
        yield shown(_as_answered(draft, support, quote), support, kept)


def _as_before(draft: Draft) -> str:
    """The question as the same was asked before; empty: it was not, or in the very words."""
    worded = draft.findings.worded if draft.findings else ""
    return worded if worded != draft.read_for else ""


@dataclass(frozen=True, slots=True)
class _Looked:
    """The words that a question is asked in, the passages that are looked at for it, how likely
    each of their sentences answers it, and which forms the answer may have, None: nobody knows."""

    asked: str
    passages: Sequence[Passage]
    likely: Likelihoods
    forms: AskedForms | None


def _look_at(draft: Draft, asked: str, passages: Sequence[Passage]) -> _Looked:
    relevance = draft.relevance
    if asked != relevance.question:
        relevance = Relevance(asked, is_asked=relevance.is_asked)
    likely = _among(relevance, passages)
    # Whoever measures the answer has to know, in whatever words it failed.
    draft.relevance.has_failed |= relevance.has_failed
    return _Looked(asked, passages, likely, relevance.forms(passages))


def _among(relevance: Relevance, passages: Sequence[Passage]) -> Likelihoods:
    """Of those that a reader would get whole, and where these hold nothing likely, of all."""
    return relevance.among(passages, MAX_PASSAGES, len(passages))


def _why_unread(draft: Draft, looked: _Looked) -> str:
    """Why the reader is not asked: nothing that it could say would be shown. Empty: it is."""
    if not looked.passages:
        return why_no_passage(draft.signals)
    return NOTHING_LIKELY if _is_nothing_likely(looked.likely) else ""


def _is_nothing_likely(likely: Likelihoods) -> bool:
    least = POSSIBLE if engines.tells_how_sure() else BELIEVED
    return bool(likely) and max(likely.values()) < least


def sentences_read(
    question: str, passages: Sequence[Passage], *, several: bool
) -> AbstractSet[Place]:
    """Those that the reader is given to a question, as typed, of passages; none, where it is not
    asked. `several`: the question is about several things."""
    likely = _among(Relevance(question), passages)
    if _is_nothing_likely(likely):
        return set()
    if likely and not several:
        return set(most_likely(likely))
    whole = [replace(passage, text=text) for passage, text in as_given(passages)]
    read = enumerate(map(read_source, whole))
    return {(place, number) for place, one in read for number in range(len(one.sentences))}


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the reader is given at once, and where these stand among the passages, from 0. `alone`
    is the rank of the one passage that it is then, 0: there are several or parts of them. What it
    finds has to be at `least` so probable."""

    places: Sequence[int]
    given: Sequence[Passage]
    alone: int = 0
    least: float = LEAST


def _excerpts_of(passages: Sequence[Passage], likely: Likelihoods) -> _Reading:
    places, given = zip(*excerpts(passages, likely), strict=True)
    return _Reading(places, given)


def _readings(draft: Draft, looked: _Looked) -> Iterator[_Reading]:
    """The sentences that are likeliest the answer, as a small model overlooks among a thousand
    words what it sees among fifty; then of those that hold a value of the kind that is asked for,
    where it found another one; and where what it named is not shown, the likeliest alone, if that
    may well be it. Where nobody knows which these are, or several things are asked for, whole
    passages: together, then the best ones alone."""
    passages = looked.passages
    if looked.likely and draft.decision.rule is not Rule.SEVERAL:
        yield _excerpts_of(passages, looked.likely)
        of_kind = showing(looked.asked, passages, looked.likely, looked.forms)
        if of_kind and draft.attempts[-1].problem == ANOTHER_KIND:
            yield _excerpts_of(passages, of_kind)
        last = draft.attempts[-1]
        # What is found there is weighed by how sure the reader is, if it tells.
        if last.certainty is not None and not last.refused and len(looked.likely) > 1:
            for best in seconding(looked.likely):
                alone = _excerpts_of(passages, {best: looked.likely[best]})
                yield replace(alone, least=LEAST_ALONE)
        return
    first = passages[:MAX_PASSAGES]
    yield _Reading(range(len(first)), first)
    # A single passage was read alone already.
    if len(first) > 1 and not unnamed(draft.read_for, first):
        for place in range(min(READ_ALONE, len(first))):
            yield _Reading([place], [passages[place]], alone=place + 1)


def _support_of_read(
    draft: Draft, looked: _Looked, reading: _Reading, attempt: Attempt, said: str
) -> Support:
    """Held against all passages; those that the reader was given it cites by their numbers. What
    was `asked` in other words than typed must not be refuted for these, what is known to answer
    something else is not the answer, whoever finds it, and what nothing refutes has to be likely
    enough."""
    asked, passages, likely = looked.asked, looked.passages, looked.likely
    given = reading.places
    order = [*given, *(place for place in range(len(passages)) if place not in given)]
    ordered = [passages[place] for place in order]
    free = {
        (order.index(passage), number)
        for passage, number in may_be_worded_otherwise(passages, likely, attempt.certainty)
    }
    support = verify(asked, said, ordered, likely=free).of_places(order)
    if asked != draft.read_for:
        typed = verify(draft.read_for, said, ordered).of_places(order)
        if typed.problem in TURNED_DOWN:
            return typed
        support = replace(support, meant=asked)
    if support.span is None:
        return support
    found, findings = draft.found, draft.findings
    if findings and (problem := why_of_what_others_asked(findings, found, said, support)):
        return replace(support, supported=False, problem=problem)
    factor = looked.forms.factor_of(without_marks(said)) if looked.forms else None
    certainty, span = attempt.certainty, support.span
    if problem := doubt(asked, passages, likely, span, certainty, factor, least=reading.least):
        return replace(support, supported=False, problem=problem)
    return support


async def _read(
    draft: Draft, asked: str, attempt: Attempt, reading: _Reading, hold: Callable[[str], Support]
) -> AsyncGenerator[Sentence]:
    """What the reader finds in what it is given, up to the first that is not borne out."""
    prompt = partial(reader_messages, asked, reading.given)
    stream = written(engines.rag(asked, reading.given), prompt, attempt)
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
            said = without_marks(text)
            if support.span is not None:
                said = without_lead_in(said, draft.found.passages[support.span[0]].text)
            said = value_alone(asked, said)
            yield shown(_as_answered(draft, support, said), support, attempt)


def _as_answered(draft: Draft, support: Support, said: str) -> str:
    """What is said in the manner in which people were answered who asked the same, and not only a
    part of it."""
    if draft.findings is None or support.span is None or draft.decision.rule is Rule.SEVERAL:
        return said
    return draft.findings.as_answered(draft.found.collections[support.span[0]], said)
