"""Asking the systems of a benchmark, one question at a time, as one person would.

`tuned`, `rag` and `hybrid` are the product's routes, asked as a person's question is: search,
routing, check and fallback. `without-model` is the hybrid where no tuned model serves: it has
precedents, as the hybrid has, and `rag` has none. `untuned` is what is usually called RAG: the same
search and the same prompt, a model that nobody trained, and nobody who checks what it says.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from asgiref.sync import async_to_sync
from django.conf import settings

from ingestion.models import Reader
from router import services
from router.engines import BREAK_SECONDS, MAX_ANSWER_TOKENS
from router.llm import ModelUnavailable, Piece, pieces
from router.prompts import MAX_PASSAGES, reader_messages
from router.provenance import grounds
from router.services import Drafted
from router.serving import tuned_url
from router.text import without_marks
from router.tuned import usable_by
from training.benchmark.answers import Answered, AnswerLog
from training.benchmark.questions import Question
from training.benchmark.report import HYBRID, RAG, TUNED, UNTUNED, WITHOUT_MODEL, Found
from training.checking import look_for
from training.metrics import contains, is_refusal

if TYPE_CHECKING:
    from router.retrieval.searching import SearchResult

ROUTES: Mapping[str, Literal["tuned", "rag", "auto"]] = {
    TUNED: "tuned",
    RAG: "rag",
    HYBRID: "auto",
    WITHOUT_MODEL: "auto",
}
SYSTEMS = (*ROUTES, UNTUNED)
TELL_SECONDS = 10.0


class ModelGone(RuntimeError):
    """A model or embedding server did not answer twice; the message says what to do."""


class ProductChanged(RuntimeError):
    """What answers depend on is not as it was when the first was given; the message says what."""


@dataclass(frozen=True, slots=True)
class UntunedModel:
    """A chat server and the name of a model there."""

    url: str
    name: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`untuned` is needed if the system of that name is among `systems`."""

    questions: Sequence[Question]
    systems: Sequence[str]
    runs: int
    user: Reader
    untuned: UntunedModel | None = None


def ask_all(
    plan: Plan,
    log: AnswerLog,
    tell: Callable[[str], object],
    check: Callable[[], object] = lambda: None,
) -> None:
    """Every question to every system in every run, unless its answer is in `log` already.

    A system answers the whole file before the next one: asked one after the other, the same prompt
    would be in the server's cache. From run to run another system comes first. The first question
    is asked once more before, unmeasured, as libraries and indexes are loaded then. Behind each
    system `check` is called. Raises `ModelGone`, and what `check` raises; what was answered until
    then is kept.
    """
    _require_tuned(plan)
    known = {(answer.system, answer.run, answer.question) for answer in log.answers}
    for run in range(1, plan.runs + 1):
        for system in _rotated(plan.systems, run - 1):
            left = [q for q in plan.questions if (system, run, q.number) not in known]
            if left:
                _answer(plan, system, left[0], run)
            progress = _Progress(f"{system}, run {run} of {plan.runs}", len(left), tell)
            for question in left:
                log.add(_answer(plan, system, question, run))
                progress.step()
            check()


def _require_tuned(plan: Plan) -> None:
    """Without its server a model would be measured by what is said where there is none."""
    unserved = [name for system in plan.systems if (name := _unserved(plan, system))]
    if unserved:
        raise _gone(unserved[0], "It was not started.")


def _unserved(plan: Plan, system: str) -> str:
    """The first of the tuned models that `system` may ask which no server answers by."""
    asked = usable_by(plan.user) if system in (TUNED, HYBRID) else []
    return next((model.name for model in asked if tuned_url(model.name) is None), "")


def _rotated(systems: Sequence[str], places: int) -> list[str]:
    places %= len(systems)
    return [*systems[places:], *systems[:places]]


class _Progress:
    """Says how far a pass has come: every few seconds, and at its end."""

    def __init__(self, what: str, count: int, tell: Callable[[str], object]) -> None:
        self._what, self._count, self._tell = what, count, tell
        self._done, self._next = 0, time.monotonic() + TELL_SECONDS

    def step(self) -> None:
        self._done += 1
        if self._done == self._count or time.monotonic() > self._next:
            self._next = time.monotonic() + TELL_SECONDS
            self._tell(f"{self._what}: {self._done} of {self._count} answered")


# --- One question ------------------------------------------------------------------------------


def _answer(plan: Plan, system: str, question: Question, run: int) -> Answered:
    if system == UNTUNED:
        return _by_untuned(plan, question, run)
    return _answered(system, run, question, _drafted(plan, system, question))


def _drafted(plan: Plan, system: str, question: Question) -> Drafted:
    """By the product. A server that fails one question may be busy; it gets a second one."""
    ask = async_to_sync(services.drafted)
    for pause in (BREAK_SECONDS, 0.0):
        drafted = ask(
            question.query,
            user=plan.user,
            route=ROUTES[system],
            tuned_allowed=system != WITHOUT_MODEL,
        )
        # Whose server has ended meanwhile is not asked, and another version might be.
        gone = _unserved(plan, system)
        # Without a model there was nobody to ask, which is how this system answers then.
        if not (gone or drafted.degraded or (drafted.failed and drafted.model)):
            return drafted
        time.sleep(pause)
    if drafted.degraded:
        gone = settings.EMBEDDINGS_MODEL
    raise _gone(gone or drafted.model, drafted.reason)


def _answered(system: str, run: int, question: Question, drafted: Drafted) -> Answered:
    told = bool(drafted.prompt_tokens) or not drafted.model
    return Answered(
        system=system,
        run=run,
        question=question.number,
        text=drafted.text,
        route=drafted.route,
        verified=drafted.verified,
        reason=drafted.reason,
        model=drafted.model,
        ms=drafted.ms,
        prompt_tokens=drafted.prompt_tokens if told else None,
        completion_tokens=drafted.completion_tokens if told else None,
    )


def _by_untuned(plan: Plan, question: Question, run: int) -> Answered:
    if plan.untuned is None:
        raise ValueError("The system `untuned` needs a model.")
    found = _found(question, plan.user)
    started = time.perf_counter()
    passages = found.passages[:MAX_PASSAGES]
    try:
        written = async_to_sync(_written)(plan.untuned, reader_messages(question.query, passages))
    except ModelUnavailable as error:
        raise _gone(plan.untuned.name, str(error)) from error
    text = without_marks("".join(piece.text for piece in written)).strip()
    prompt_tokens = sum(piece.prompt_tokens for piece in written)
    return Answered(
        system=UNTUNED,
        run=run,
        question=question.number,
        text=text,
        route="refused" if is_refusal(text) else "rag",
        verified=False,
        reason="",
        model=plan.untuned.name,
        ms=found.ms + (time.perf_counter() - started) * 1000,
        prompt_tokens=prompt_tokens or None,
        completion_tokens=sum(piece.completion_tokens for piece in written)
        if prompt_tokens
        else None,
    )


async def _written(model: UntunedModel, messages: list[dict[str, str]]) -> list[Piece]:
    """Raises `ModelUnavailable`."""
    stream = pieces(model.url, model.name, messages, max_tokens=MAX_ANSWER_TOKENS)
    async with aclosing(stream):
        return [piece async for piece in stream]


def _found(question: Question, user: Reader) -> "SearchResult":
    """Raises `ModelGone`."""
    from router.retrieval.embeddings import EmbeddingsUnavailable

    try:
        return look_for(question.query, user)
    except EmbeddingsUnavailable as error:
        raise _gone(settings.EMBEDDINGS_MODEL, str(error)) from error


def _gone(model: str, why: str) -> ModelGone:
    return ModelGone(
        f"The server of {model} does not answer: {why} "
        "See that it runs and call the same command again: it goes on with the answers it has."
    )


# --- What the passages tell --------------------------------------------------------------------


def look_up(questions: Sequence[Question], user: Reader) -> dict[int, Found]:
    """By question number; `user` is who asks. Raises `ModelGone`."""
    models = usable_by(user)
    found = {}
    for question in questions:
        hits = _found(question, user).hits
        texts = [hit.chunk.text for hit in hits]
        found[question.number] = Found(
            covered=any(one.has_pairs for model in models for one in grounds(model.name, hits[:1])),
            shown=any(contains(text, one) for text in texts for one in question.answers),
        )
    return found
