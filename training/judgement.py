"""What the gate says about an evaluated run, and which answers it changes for people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings

from ingestion.models import Reader
from training import jobs
from training.comparing import Compared
from training.evaluation import dataset_of
from training.gate import Extraction, GateInput, Limits, judge, stays_on_rag
from training.metrics import Outcome, judged
from training.models import Evaluation, EvaluationItem, TrainingRun
from training.superseded import superseded_answers

System = Evaluation.System
Items = Mapping[int, EvaluationItem]
"""Of one system, by the question's number."""

_OF_TUNED = (
    *("n", "exact_match", "token_f1", "contains", "wrong", "hallucination", "over_refusal"),
    *("refusal_precision", "refusal_recall", "ci95", "ms_p50", "ms_p95"),
)


def judge_run(job: jobs.Claim) -> bool:
    """Judge an evaluated run, keep checks and metrics in its row; whether all checks passed.

    Raises `LeaseLost`, and `Evaluation.DoesNotExist` for a run that was not evaluated.
    """
    run = job.run
    evidence = _evidence(run)
    checks = judge(evidence)
    gate, metrics = [asdict(check) for check in checks], _metrics(run, evidence)
    jobs.write(job, gate=gate, metrics=metrics)
    run.gate, run.metrics = gate, metrics
    return all(check.passed for check in checks)


def limits() -> Limits:
    """As the settings have them."""
    return Limits(
        exact_match=settings.GATE_EXACT_MATCH,
        hallucination=settings.GATE_HALLUCINATION,
        over_refusal=settings.GATE_OVER_REFUSAL,
        loss=settings.GATE_LOSS,
        domain_loss=settings.GATE_DOMAIN_LOSS,
        slower=settings.GATE_SLOWER,
    )


# --- What changes for people -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """A test question that the new model answers in other words. No `expected`: to be refused."""

    question: str
    expected: list[str]
    old: EvaluationItem
    new: EvaluationItem

    @property
    def is_loss(self) -> bool:
        return self.old.correct and not self.new.correct

    @property
    def is_gain(self) -> bool:
        return self.new.correct and not self.old.correct


def comparison(run: TrainingRun, *, user: Reader, against: str = System.SERVING) -> list[Change]:
    """The answers that `user` may read and that differ: losses first, then gains, then others."""
    news, olds = (
        {
            item.number: item
            for item in EvaluationItem.objects.readable_by(user)
            .filter(evaluation__run=run, evaluation__system=system)
            .select_related("document")
        }
        for system in (System.TUNED, against)
    )
    changes = [
        Change(new.question, new.expected, olds[number], new)
        for number, new in news.items()
        if number in olds and olds[number].answer != new.answer
    ]
    return sorted(changes, key=lambda change: (not change.is_loss, not change.is_gain))


# --- Evidence ----------------------------------------------------------------------------------


def _evidence(run: TrainingRun) -> GateInput:
    tuned = run.evaluations.get(system=System.TUNED)
    serving = run.evaluations.filter(system=System.SERVING).first()
    rag = run.evaluations.filter(system=System.RAG).first()
    news, olds, from_passages = _items(tuned), _items(serving), _items(rag)
    superseded = superseded_answers(news.values(), dataset_of(run).collections.all())
    extraction = tuned.metrics["all"]["extraction"]
    ms, old_ms = _alone(tuned), _alone(serving)
    return GateInput(
        questions=[
            Compared(
                domain=item.domain,
                tuned=_outcome(item),
                serving=_outcome(olds[number]) if number in olds else None,
                rag=_outcome(from_passages[number]) if number in from_passages else None,
                superseded=number in superseded,
                shown=item.shown,
            )
            for number, item in news.items()
        ],
        extraction=Extraction(**extraction) if extraction else None,
        serving=serving.model_name if serving else "",
        ms=list(zip(ms, old_ms, strict=True)) if old_ms else [],
        limits=limits(),
    )


def _items(evaluation: Evaluation | None) -> Items:
    return {item.number: item for item in evaluation.items.all()} if evaluation else {}


def _outcome(item: EvaluationItem) -> Outcome:
    return judged(item.expected, item.answer, fact=item.fact_id)


def _alone(evaluation: Evaluation | None) -> list[float]:
    """In ms; none of a model whose files are gone."""
    return list(evaluation.metrics["all"].get("ms", [])) if evaluation else []


def _metrics(run: TrainingRun, evidence: GateInput) -> dict[str, Any]:
    """Those of the new model; the exact match of the others, and on how many questions."""
    metrics = {row.system: row.metrics["all"] for row in run.evaluations.all()}
    tuned = metrics[System.TUNED]
    others = {
        f"{system}_{name}": metrics.get(system, {}).get(name)
        for system in (System.RAG, System.SERVING)
        for name in ("n", "exact_match")
    }
    own = {name: tuned.get(name) for name in _OF_TUNED}
    return own | others | {"stays_on_rag": stays_on_rag(evidence.questions)}
