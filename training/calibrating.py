"""How likely a model is right on which question, from what it answered when it was judged.

Each question is looked for once more as somebody of the model's audience would, and the answer is
held against what is found, so the figures are of the product and not of the model alone. What is
known of a question is known without its own outcome, as of those that people will ask.
"""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace

from django.conf import settings

from ingestion.models import Reader
from router import taught
from router.calibration import Calibration
from router.engines import BREAK_SECONDS
from router.intents import read_intent
from router.models import ModelVersion
from router.policy import Rule, decide
from router.processes import ServerFailed
from router.provenance import looked_at, signals_of
from router.relevance import Relevance
from router.retrieval.embeddings import EmbeddingsUnavailable
from router.retrieval.reranking import RerankerUnavailable
from router.signals import Signals, features
from router.taught import Repertoire
from router.verification import unnamed
from training.audience import NobodyReadsJustThat, audience_of, somebody_of
from training.calibration import Sample, fit
from training.checking import Relevances, evidence_for, look_for, precedents_for, relevance_to
from training.evaluation import dataset_of
from training.heldout import exact_match, outcomes_of
from training.metrics import contains
from training.models import Evaluation, EvaluationItem, TrainingRun
from training.process import Check
from training.wording import taught_by

logger = logging.getLogger(__name__)

# What may come right by itself, so that the calibration before it stays meanwhile.
_NOT_NOW = (ServerFailed, NobodyReadsJustThat, EmbeddingsUnavailable, RerankerUnavailable)

Servers = Callable[[], AbstractContextManager[object]]
"""Within it the embedding server answers; it may raise `ServerFailed`."""


def calibrate(
    model: ModelVersion,
    run: TrainingRun,
    *,
    servers: Servers,
    known: Relevances | None = None,
    check: Check = lambda: None,
) -> Calibration | None:
    """Fit the model that `run` made and keep the result with it; None when nothing could be found.
    `known` is what its evaluation was told of the same questions.

    Then the model keeps the calibration that it has; without one it is asked nothing by itself.
    """
    audience, known = audience_of(dataset_of(run)), {} if known is None else known
    try:
        with ExitStack() as stack:
            reader = stack.enter_context(somebody_of(audience, purpose=f"calibration of {run}"))
            stack.enter_context(servers())
            made = taught.repertoire(taught_by(dataset_of(run)))
            taught.keep(model, made)
            samples = []
            for judged in _judged(run):
                check()
                samples += _sampled(model.name, made, judged, reader, known)
    except _NOT_NOW as error:
        logger.warning("%s could not be calibrated: %s", model, error)
        return None
    calibration = fit(samples, target=settings.ROUTER_TARGET_ERROR)
    model.calibration = calibration.as_json()
    model.save(update_fields=["calibration"])
    return calibration


@dataclass(frozen=True, slots=True)
class _Judged:
    """A question as it was answered. `passage` is that of its fact by content hash, empty where
    nothing answers it, and `heldout` the exact match on the others held out of that passage."""

    item: EvaluationItem
    passage: str
    heldout: float | None


def _judged(run: TrainingRun) -> list[_Judged]:
    outcomes = outcomes_of(run)
    passage_of = {number: passage for passage, asked in outcomes.items() for number in asked}
    tuned = run.evaluations.get(system=Evaluation.System.TUNED)
    judged = []
    for item in tuned.items.order_by("number"):
        passage = passage_of.get(item.number, "")
        asked = outcomes.get(passage, {})
        others = [right for number, right in asked.items() if number != item.number]
        judged.append(_Judged(item, passage, exact_match(others)))
    return judged


def _sampled(
    model: str, made: Repertoire, judged: _Judged, reader: Reader, known: Relevances
) -> list[Sample]:
    """As `_samples`, with all that may be known: a reranker that fails once may be busy.

    Raises `RerankerUnavailable`, since without it less is known than when people ask.
    """
    for pause in (BREAK_SECONDS, 0.0):
        relevance = relevance_to(judged.item.question, known)
        samples = _samples(model, made, judged, reader, relevance)
        if not relevance.has_failed:
            return samples
        time.sleep(pause)
    raise RerankerUnavailable("The reranker failed twice, so nobody knows which sentence answers.")


def _samples(
    model: str, made: Repertoire, judged: _Judged, reader: Reader, relevance: Relevance
) -> list[Sample]:
    """One, or none where a rule decides and not the probability. `made` is what it was taught."""
    item, found = judged.item, look_for(judged.item.question, reader)
    signals, intent = signals_of(model, found, relevance), read_intent(item.question)
    signals = _without_its_outcome(signals, judged)
    # A precedent might lead to an answer all the same, but that of a held-out question is itself.
    signals = replace(signals, unnamed=unnamed(item.question, found.passages))
    # As when it is asked: sentences are looked at where no rule has decided, which may decide.
    if decide(signals, None, intent=intent).rule is not Rule.NOT_CERTIFIED:
        return []
    signals = looked_at(signals, found, relevance)
    if decide(signals, None, intent=intent).rule is not Rule.NOT_CERTIFIED:
        return []
    near = taught.nearest(made, item.question)
    findings = precedents_for(item.question, found, reader)
    borne = evidence_for(item.answer, found, near, relevance, findings)
    # A question that nothing answers has no passage, and stands alone.
    group = judged.passage or str(item.number)
    is_right = item.correct and not item.refused
    wrong_shown = borne is not None and not borne.by_precedent and not _says_it(item)
    told = features(signals), is_right, wrong_shown, group, borne.evidence if borne else None
    return [Sample(*told, is_answerable=bool(item.expected))]


def _without_its_outcome(signals: Signals, judged: _Judged) -> Signals:
    """As if this very question had not been asked of the model yet: the share of right answers that
    is kept of its passage has that of this question in it, and may be that alone."""
    grounds = [
        replace(ground, heldout=judged.heldout) if ground.learned == judged.passage else ground
        for ground in signals.grounds
    ]
    return replace(signals, grounds=tuple(grounds))


def _says_it(item: EvaluationItem) -> bool:
    """Whether the answer is a right one in other words: with more of them, or with fewer."""
    return any(
        contains(item.answer, right) or contains(right, item.answer) for right in item.expected
    )
