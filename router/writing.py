"""The sentences of an answer as they come, each checked against the passages. Keeps nothing.

What was shown is never taken back. So a tuned model's answer, which is short, is shown once all of
it is borne out; of what is read from passages each sentence is, up to the first that is not.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ingestion import tracing
from router import engines
from router.believing import UNLIKELY
from router.drafting import Sentence, begin, held, is_refusal, shown, written
from router.drafts import Attempt, Draft
from router.evidence.objections import REFUTATIONS
from router.evidence.sources import read_source
from router.policy import Rule
from router.precedents.holding import OTHERS, says, why_of_others
from router.prompts import REFUSAL, Passage, tuned_messages
from router.reading import chosen, from_passages, predicted
from router.taught import in_taught_words, nearest, support_of
from router.text import may_become, without_marks
from router.verification import Support

if TYPE_CHECKING:
    from router.tuned import ServedModel

NEWER = "What bears it out is newer than the model."
WEAK = "What bears it out fits the question less than its answers must that are shown unread."


async def written_sentences(draft: Draft) -> AsyncGenerator[Sentence]:
    """What is shown of the draft, sentence by sentence. It never raises for what a server does.

    The engine of the decision is asked first. If nothing that it says is borne out, the other one
    is, unless the route was asked for or the decision rules it out.
    """
    match draft.decision.engine:
        case "tuned" if draft.route_asked == "tuned":
            engines_in_turn = [_as_it_comes]
        case "tuned":
            engines_in_turn = [_from_weights, from_passages]
        case "rag":
            engines_in_turn = [from_passages]
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


async def _from_weights(draft: Draft) -> AsyncGenerator[Sentence]:
    """The tuned model's answer, if the passages bear out all of it as well as was certified, or as
    what questions like it were answered with, and by sentences that it was taught."""
    passages = draft.found.passages
    async with contextlib.aclosing(_as_it_comes(draft)) as every:
        async for _ in every:
            pass
    attempt = draft.attempts[-1]
    if attempt.failed:
        return
    if attempt.sentences:
        await _hold(draft, attempt, passages)
    if attempt.rejected is not None:
        attempt.sentences, attempt.supports = [], []
        attempt.problem = f"The answer of {attempt.model} is not shown: {attempt.problem}"
        return
    for text, support in zip(attempt.sentences, attempt.supports, strict=True):
        yield Sentence(text, support.span[0] + 1 if support.span else 0)


async def _hold(draft: Draft, attempt: Attempt, passages: Sequence[Passage]) -> None:
    """Hold an answer to what questions like it were answered with; where nobody knows, to what was
    certified."""
    choice = await chosen(draft, passages)
    if choice is None or not choice.is_answer or _is_refuted(attempt):
        if attempt.rejected is None:
            await _hold_to_certified(draft, attempt, passages)
    elif says(attempt.written, choice.lead.value(passages)):
        lead = choice.lead
        support = Support(True, span=lead.span, score=choice.probability, meant=lead.question)
        is_newer = not _was_taught(draft, passages, support)
        # One value may have come as several sentences: `docker build . -t bell`.
        attempt.sentences, attempt.supports = [without_marks(attempt.written)], [support]
        attempt.rejected = support if is_newer else None
        attempt.problem = NEWER if is_newer else ""
    else:
        attempt.rejected, attempt.problem = attempt.supports[0], OTHERS


def _is_refuted(attempt: Attempt) -> bool:
    return attempt.rejected is not None and attempt.rejected.problem in REFUTATIONS


async def _hold_to_certified(draft: Draft, attempt: Attempt, passages: Sequence[Passage]) -> None:
    """Reject what is borne out by less than was certified, or by a sentence that the model was not
    taught or that is unlikely to be the answer."""
    for said, support in zip(attempt.sentences, attempt.supports, strict=True):
        if problem := await asyncio.to_thread(_doubt, draft, passages, said, support):
            attempt.rejected, attempt.problem = support, problem
            return


def _doubt(draft: Draft, passages: Sequence[Passage], said: str, support: Support) -> str:
    """Why a sentence of the model is not shown that the passages bear out; empty if it is."""
    if not _was_taught(draft, passages, support):
        return NEWER
    evidence = draft.relevance.evidence(passages, support)
    if evidence is None:
        return UNLIKELY
    found, findings = draft.found, draft.findings
    if findings and (why := why_of_others(findings, found, draft.relevance, said, support)):
        return why
    return WEAK if evidence < _least_evidence(draft.served) else ""


def _was_taught(draft: Draft, passages: Sequence[Passage], support: Support) -> bool:
    """Whether the model was trained on the very sentence that bears it out."""
    if support.span is None:
        return False
    passage, start, _ = support.span
    sentence = read_source(passages[passage]).number_of(start)
    return draft.signals.grounds[passage].has_kept(sentence)


async def _as_it_comes(draft: Draft) -> AsyncGenerator[Sentence]:
    """All that the tuned model says, asked in words that it was taught if there are such, each
    sentence held against every passage that was found."""
    served = _served(draft)
    passages = draft.found.passages
    attempt = begin(draft, "tuned", served.name)
    draft.taught = await asyncio.to_thread(nearest, draft.repertoire, draft.question)
    asked = in_taught_words(draft.question, draft.taught)
    attempt.worded = asked if asked != draft.question else ""
    prompt = partial(tuned_messages, asked)
    likely = await predicted(draft, passages)
    deltas = engines.tuned(asked, served, predicted=_may_say(draft, likely))
    if draft.decision.rule is Rule.PRECEDENT:
        deltas = _while_saying(likely, deltas)
    async with contextlib.aclosing(written(deltas, prompt, attempt)) as texts:
        async for text in texts:
            if is_refusal(text):
                attempt.refused = True
                attempt.problem = attempt.problem or f"{served.name} does not know the answer."
                return
            hold = partial(_support_of_tuned, draft, text, passages)
            support = held(attempt, hold)
            if not support.supported and attempt.rejected is None:
                attempt.rejected, attempt.problem = support, support.problem
            yield shown(text, support, attempt)


def _may_say(draft: Draft, likely: str) -> list[str]:
    """What a tuned model may answer: what is likely, that it does not know, or what it was taught
    of the same thing, which is what it confuses."""
    about = draft.repertoire.answers_about(draft.question) if draft.repertoire else []
    return [likely, REFUSAL, *about] if likely else [REFUSAL, *about]


async def _while_saying(
    value: str, deltas: AsyncGenerator[engines.Delta]
) -> AsyncGenerator[engines.Delta]:
    """Up to the first that says something else than `value`: nobody would be shown the rest."""
    said = ""
    async with contextlib.aclosing(deltas):
        async for delta in deltas:
            yield delta
            said += delta.text
            if not may_become(said, value):
                return


def _least_evidence(served: ServedModel | None) -> float:
    """What the evidence of an answer must be, by what the model was certified for."""
    return served.calibration.evidence if served and served.calibration else 0.0


def _support_of_tuned(draft: Draft, text: str, passages: Sequence[Passage]) -> Support:
    """It may also be borne out as the answer to a question that the model was taught."""
    hashes = [ground.learned for ground in draft.signals.grounds]
    return support_of(draft.question, text, passages, hashes=hashes, taught=draft.taught)


def _served(draft: Draft) -> ServedModel:
    if draft.served is None:
        raise ValueError(f"{draft.decision.rule}: there is no tuned model to ask.")
    return draft.served
