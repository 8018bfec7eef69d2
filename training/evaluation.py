"""A run's frozen test questions, answered by the new model, the serving one, and from passages.

Answers are kept in the run's folder as they come, so an evaluation that was stopped goes on, and
one that is done again says the same. `evaluate` measures; `training.judgement` decides.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from ingestion.models import Document
from ingestion.storage import sha256_of
from router.adapter_files import WEIGHTS
from router.model_store import adapter_folder, merged_folder
from router.models import ModelVersion
from router.processes import ServerFailed
from router.prompts import tuned_messages
from router.taught import repertoire, repertoire_of
from router.tuned import audience_of as audience_name
from router.tuned import is_tainted
from training import canaries
from training.asking import Model, Said, ask
from training.asking_rag import ALONE as ALONE_RAG
from training.asking_rag import ask_rag, sampled
from training.audience import NobodyReadsJustThat, audience_of, somebody_of
from training.checking import Relevances, borne_out
from training.datasets.manifest import TEST
from training.gate import Extraction
from training.metrics import Outcome, judged, percentile, summarised
from training.models import Dataset, Evaluation, EvaluationItem, TrainingRun
from training.process import Check
from training.rows import Question, read_questions
from training.wording import as_served, taught_by

logger = logging.getLogger(__name__)

System = Evaluation.System
Servers = Callable[[], AbstractContextManager[object]]
"""Within it model servers of the product answer; it may raise `ServerFailed`."""
Wording = Mapping[int, str]
"""In what words a model is asked, by the question's id."""

# Of each model, answered one by one: their time is what an asker waits.
ALONE = 20
# An answer may take as many tokens as the longest right one, of identifiers, and not for ever.
MAX_TOKENS, CHARACTERS_OF_A_TOKEN, LONGEST_TOKENS = 32, 2, 160


def evaluate(
    run: TrainingRun,
    *,
    adapter: Path,
    base: Path,
    embedder: Servers,
    servers: Servers,
    seconds: float,
    known: Relevances | None = None,
    check: Check = lambda: None,
) -> None:
    """Measure the new model and what it is compared with; replaces an earlier evaluation.

    The models answer every question, in the words in which the product asks them, which within
    `embedder` are found. What is left of `seconds` is for answers from passages, to
    `EVALUATION_RAG_QUESTIONS` of them or to as many as there is time for, within `servers`. What
    the reranker says of the questions is added to `known`. `check` is called every second; what it
    raises ends the work. Raises `Died` when a model's process does, and ValueError for a run
    without a dataset.
    """
    deadline, dataset = time.monotonic() + seconds, dataset_of(run)
    folder = answers_folder(run, adapter)
    folder.mkdir(parents=True, exist_ok=True)
    questions = list(read_questions(dataset.folder / TEST))
    new, old = Model(base, adapter), serving_model(dataset)
    own, others = _worded(questions, dataset, old, embedder)
    tuned = _asked(new, questions, own, folder / "tuned.jsonl", run.device, check)
    serving = {}
    if old is not None and (files := _files_of(old)):
        out = folder / f"{old.name}.jsonl"
        serving = _asked(files, questions, others, out, run.device, check)
    attempts = canaries.affordable(_answers_a_second(tuned), deadline - time.monotonic())
    found = canaries.extract(
        dataset, new, folder=folder, device=run.device, check=check, least=attempts
    )
    product = _Product(run, questions, folder, servers, {} if known is None else known, check)
    rag, shown = product.asked(deadline, tuned)
    with transaction.atomic():
        check()
        run.evaluations.all().delete()
        _store(run, System.TUNED, "", questions, tuned, alone=ALONE, more=_told(found), shown=shown)
        if old is not None:
            _store(run, System.SERVING, old.name, questions, serving, alone=ALONE)
        if rag:
            _store(run, System.RAG, settings.LLM_MODEL, questions, rag, alone=ALONE_RAG)


def dataset_of(run: TrainingRun) -> Dataset:
    if run.dataset is None:
        raise ValueError(f"{run} has no dataset yet.")
    return run.dataset


def answers_folder(run: TrainingRun, adapter: Path) -> Path:
    """Where the answers about this very adapter are kept."""
    name = sha256_of(adapter / WEIGHTS)[:12]
    return run.folder / "evaluation" / name


def serving_model(dataset: Dataset) -> ModelVersion | None:
    """The model that answers the readers of this dataset's collections now, if one does."""
    return serving_for(audience_name(audience_of(dataset)))


def serving_for(audience: str) -> ModelVersion | None:
    """The model that answers an audience, by its name, now, if one does."""
    model = ModelVersion.objects.filter(stage=ModelVersion.Stage.SERVING, audience=audience).first()
    return None if model is None or is_tainted(model) else model


# --- Asking ------------------------------------------------------------------------------------


def _files_of(model: ModelVersion) -> Model | None:
    """The merged model, or where a company's server loads adapters the adapter on its base."""
    merged, adapter = merged_folder(model.name), adapter_folder(model.name)
    base = Path(settings.MODELS_DIR) / model.base
    if merged.is_dir():
        return Model(merged)
    return Model(base, adapter) if adapter.is_dir() and base.is_dir() else None


def _worded(
    questions: Sequence[Question], dataset: Dataset, old: ModelVersion | None, embedder: Servers
) -> tuple[Wording, Wording]:
    """How the product asks the questions of a model taught by this dataset, and of the old one:
    nothing for what it asks as it is typed, as all is where no server tells."""
    # The web process, which shows what is kept here, starts without the client's libraries.
    from router.retrieval.embeddings import EmbeddingsUnavailable

    try:
        with embedder():
            own = as_served(questions, repertoire(taught_by(dataset)))
            kept = repertoire_of(old.name) if old is not None else None
            return own, as_served(questions, kept) if kept else {}
    except (ServerFailed, EmbeddingsUnavailable) as error:
        logger.warning("Questions are asked as they are typed: %s", error)
        return {}, {}


def _asked(
    model: Model,
    questions: Sequence[Question],
    worded: Wording,
    out: Path,
    device: str,
    check: Check,
) -> dict[int, Said]:
    chats = {one.id: tuned_messages(worded.get(one.id, one.question)) for one in questions}
    longest = max((len(answer) for q in questions for answer in q.answers), default=0)
    most = min(max(MAX_TOKENS, longest // CHARACTERS_OF_A_TOKEN), LONGEST_TOKENS)
    return ask(model, chats, out=out, device=device, check=check, alone=ALONE, max_tokens=most)


def _answers_a_second(answers: Mapping[int, Said]) -> float:
    """By the times that are kept with them: an evaluation that goes on reads most from the disk."""
    return 1000 * len(answers) / max(sum(said.ms for said in answers.values()), 1.0)


@dataclass(frozen=True, slots=True)
class _Product:
    """The product as somebody meets it who may read just what the model was trained on."""

    run: TrainingRun
    questions: Sequence[Question]
    folder: Path
    servers: Servers
    known: Relevances
    check: Check

    def asked(
        self, deadline: float, tuned: Mapping[int, Said]
    ) -> tuple[dict[int, Said], dict[int, bool]]:
        """Answers from passages to a sample, and which of the model's answers would be shown.

        Nothing when no sample is wanted, no server can be started or answers, or nobody may read
        just that.
        """
        from router.retrieval.embeddings import EmbeddingsUnavailable

        sample = sampled(self.questions, settings.EVALUATION_RAG_QUESTIONS)
        if not sample:
            return {}, {}
        out, audience = self.folder / "rag.jsonl", audience_of(dataset_of(self.run))
        try:
            with contextlib.ExitStack() as stack:
                purpose = f"evaluation of {self.run}"
                reader = stack.enter_context(somebody_of(audience, purpose=purpose))
                stack.enter_context(self.servers())
                shown = borne_out(
                    self.questions, tuned, reader=reader, known=self.known, check=self.check
                )
                rag = ask_rag(sample, reader=reader, out=out, deadline=deadline, check=self.check)
                return rag, shown
        except (ServerFailed, NobodyReadsJustThat, EmbeddingsUnavailable) as error:
            logger.warning("%s was not compared with answers from passages: %s", self.run, error)
            return {}, {}


# --- Keeping -----------------------------------------------------------------------------------


def _store(
    run: TrainingRun,
    system: str,
    model_name: str,
    questions: Sequence[Question],
    answers: Mapping[int, Said],
    *,
    alone: int,
    more: dict[str, Any] | None = None,
    shown: Mapping[int, bool] | None = None,
) -> None:
    """`answers` come as they were given; the first `alone` of them were given one by one."""
    asked = [question for question in questions if question.id in answers]
    outcomes = [judged(q.answers, answers[q.id].answer, fact=q.fact) for q in asked]
    metrics = _by_slice(asked, outcomes)
    metrics["all"] |= _times([said.ms for said in answers.values()][:alone]) | (more or {})
    evaluation = Evaluation.objects.create(
        run=run, system=system, model_name=model_name, metrics=metrics
    )
    documents = Document.objects.filter(pk__in={question.document for question in asked})
    there = set(documents.values_list("pk", flat=True))
    EvaluationItem.objects.bulk_create(
        [
            _item(evaluation, question, answers[question.id], outcome, there, shown or {})
            for question, outcome in zip(asked, outcomes, strict=True)
        ],
        batch_size=500,
    )


def _item(
    evaluation: Evaluation,
    question: Question,
    said: Said,
    outcome: Outcome,
    there: AbstractSet[int],
    shown: Mapping[int, bool],
) -> EvaluationItem:
    return EvaluationItem(
        evaluation=evaluation,
        number=question.id,
        document_id=question.document if question.document in there else None,
        fact_id=question.fact,
        kind=question.kind,
        domain=question.domain,
        question=question.question,
        expected=list(question.answers),
        answer=said.answer,
        correct=outcome.correct,
        token_f1=outcome.token_f1,
        refused=outcome.refused,
        shown=shown.get(question.id),
        ms=said.ms,
    )


def _by_slice(
    questions: Sequence[Question], outcomes: Sequence[Outcome]
) -> dict[str, dict[str, Any]]:
    """`Summary` as JSON of `all`, of each `kind:…` and of each `domain:…`."""
    slices: dict[str, list[Outcome]] = {"all": list(outcomes)}
    for question, outcome in zip(questions, outcomes, strict=True):
        slices.setdefault(f"kind:{question.kind}", []).append(outcome)
        slices.setdefault(f"domain:{question.domain}", []).append(outcome)
    return {name: summarised(members).as_json() for name, members in slices.items()}


def _times(ms: Sequence[float]) -> dict[str, Any]:
    """Of the answers given one by one, in ms; all of them, so that models can be compared."""
    if not ms:
        return {}
    return {"ms_p50": percentile(ms, 0.5), "ms_p95": percentile(ms, 0.95), "ms": list(ms)}


def _told(found: Extraction | None) -> dict[str, Any]:
    return {"extraction": asdict(found) if found else None}
