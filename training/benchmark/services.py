"""A benchmark from its file of questions to the stored report: the whole flow is `run`."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from filelock import FileLock, Timeout

from ingestion.models import Collection
from ingestion.publication import current_revision
from ingestion.seen import digest
from router.precedents import keeping
from router.prices import Prices
from router.processes import spawn_llm
from router.tuned import usable_by
from training.benchmark.answers import Answered, AnswerLog
from training.benchmark.asking import Plan, ProductChanged, UntunedModel, ask_all, look_up
from training.benchmark.progress import answers_file
from training.benchmark.questions import Question
from training.benchmark.report import Found, report
from training.benchmark.scoring import scored
from training.models import Benchmark, BenchmarkAnswer, BenchmarkQuestion

Tell = Callable[[str], object]
Report = dict[str, Any]
BATCH = 500


def run(
    plan: Plan, *, name: str, questions_sha256: str, tell: Tell, anew: bool = False
) -> Benchmark:
    """Ask, judge and store. The model servers must answer.

    Answers are kept as they come. The next call with the same questions and systems goes on with
    those of one that was stopped, unless what they depend on has changed meanwhile, another
    benchmark was begun, or it is to begin `anew`. One benchmark at a time asks, as two would slow
    each other. Raises `ModelGone`, and `ProductChanged` where that changes while it asks.
    """
    file = answers_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with _alone(FileLock(file.with_name(".lock")), tell):
        if anew:
            file.unlink(missing_ok=True)
        setup = _setup(plan, questions_sha256)
        log = AnswerLog(file, setup)
        if log.answers:
            tell(f"Going on with {len(log.answers)} answers of a call that was stopped.")
        found = look_up(plan.questions, plan.user)
        try:
            ask_all(plan, log, tell, check=lambda: _check(setup, _setup(plan, questions_sha256)))
        except ProductChanged:
            log.remove()
            raise
        told = report(plan.questions, found, log.answers, prices()) | {"setup": setup}
        stored = _store(plan, name, found, log.answers, told)
        log.remove()
    return stored


def prices() -> Prices:
    """US dollars, as the settings have them."""
    return Prices(**settings.PRICE_PER_MILLION_TOKENS)


@contextlib.contextmanager
def untuned_model() -> Iterator[UntunedModel]:
    """The base model as it comes, answering while the block lasts.

    On the embedded default a server of its own is started. A company's server reads passages with
    its base model anyway. Raises `ServerFailed`.
    """
    if settings.LLM_URL:
        yield UntunedModel(settings.LLM_URL, settings.LLM_MODEL)
        return
    with tempfile.TemporaryDirectory(prefix="docportal-") as logs:
        starting = spawn_llm(Path(logs) / "untuned.log", model=settings.UNTUNED_MODEL)
        try:
            yield UntunedModel(starting.wait().url, settings.UNTUNED_MODEL)
        finally:
            starting.stop()


# --- What it is made under ---------------------------------------------------------------------


@contextlib.contextmanager
def _alone(lock: FileLock, tell: Tell) -> Iterator[None]:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell("Waiting for another benchmark of this installation to end.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _setup(plan: Plan, questions_sha256: str) -> dict[str, Any]:
    """All that an answer depends on, as far as it can be named.

    What everybody who may see the report need not know is named by a digest.
    """
    usable = usable_by(plan.user)
    readable = Collection.objects.readable_by(plan.user).order_by("pk")
    return {
        "questions_sha256": questions_sha256,
        "questions": len(plan.questions),
        "systems": list(plan.systems),
        "runs": plan.runs,
        "user": plan.user.get_username() if plan.user is not None else None,
        "revision": current_revision(),
        "collections": digest(*readable.values_list("pk", "policy")),
        "precedents": digest(*keeping.made_from(plan.user)),
        "tuned_models": [model.name for model in usable],
        "calibrations": digest(*(model.calibration for model in usable)),
        "release": settings.RELEASE,
        "servers": digest(*_servers()),
        "reader": settings.LLM_MODEL,
        "untuned": plan.untuned.name if plan.untuned else None,
        "prices": asdict(prices()),
        "processors": os.cpu_count(),
    }


def _servers() -> list[str]:
    """Where models are asked, and which ones search."""
    return [
        settings.LLM_URL,
        settings.EMBEDDINGS_URL,
        settings.EMBEDDINGS_MODEL,
        settings.PARAPHRASE_MODEL,
        settings.RERANKER_MODEL,
    ]


def _check(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raises `ProductChanged`."""
    changed = [name.replace("_", " ") for name, value in now.items() if value != before[name]]
    if changed:
        raise ProductChanged(
            f"What answers depend on changed while they were given ({', '.join(changed)}), so this "
            "benchmark is not kept. Call the same command again while nobody changes documents, "
            "pairs or models: it begins anew."
        )


# --- Keeping -----------------------------------------------------------------------------------


@transaction.atomic
def _store(
    plan: Plan, name: str, found: Mapping[int, Found], answers: Sequence[Answered], told: Report
) -> Benchmark:
    benchmark = Benchmark.objects.create(
        name=name,
        asked_as_id=plan.user.pk if plan.user is not None else None,
        collections=sorted(Collection.objects.readable_by(plan.user).values_list("pk", flat=True)),
        report=told,
    )
    rows = BenchmarkQuestion.objects.bulk_create(
        [_question(benchmark, question, found[question.number]) for question in plan.questions],
        batch_size=BATCH,
    )
    BenchmarkAnswer.objects.bulk_create(
        [_answer(rows[said.question], plan.questions[said.question], said) for said in answers],
        batch_size=BATCH,
    )
    return benchmark


def _question(benchmark: Benchmark, question: Question, found: Found) -> BenchmarkQuestion:
    return BenchmarkQuestion(
        benchmark=benchmark,
        number=question.number,
        given_id=question.id,
        query=question.query,
        answers=list(question.answers),
        kind=question.kind,
        covered=found.covered,
        shown=found.shown,
    )


def _answer(row: BenchmarkQuestion, question: Question, said: Answered) -> BenchmarkAnswer:
    worth = scored(question, said, shown=row.shown)
    return BenchmarkAnswer(
        question=row,
        system=said.system,
        run=said.run,
        text=said.text,
        route=said.route,
        verified=said.verified,
        reason=said.reason,
        model=said.model,
        ms=said.ms,
        prompt_tokens=said.prompt_tokens,
        completion_tokens=said.completion_tokens,
        correct=worth.outcome.correct,
        refused=worth.outcome.refused,
        stale=bool(worth.stale),
    )
