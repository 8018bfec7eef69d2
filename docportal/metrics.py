"""The portal in figures, in the form of Prometheus. Nothing in them names a document or a question.

The figures are read when they are asked for, from the database and from this machine, so every
web process tells the same ones and none are lost with it. Answers are only ever added: each
process counts them once and then only what is new.
"""

import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.utils import timezone
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from docportal import condition
from ingestion.models import Document, DocumentVersion
from router.models import Answer, Feedback, Incident, ModelVersion
from router.tuned import coverage_summaries, ready_models
from training.models import TrainingRun

STAGES = ("retrieve", "generate", "verify", "total")
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
RESULTS = ("answered", "refused", "failed")
ENGINES = ("tuned", "rag", "none")
# An answer is stored within that time after it got its number.
SETTLED = timedelta(seconds=10)


@dataclass(slots=True)
class Sums:
    """Over answers: questions by engine and result, tokens by engine and kind, and of each stage
    how many took no longer than each of `BOUNDS`, by its place there, and all their seconds."""

    questions: Counter[tuple[str, str]] = field(default_factory=Counter)
    tokens: Counter[tuple[str, str]] = field(default_factory=Counter)
    buckets: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))


class Answers:
    """Sums over all answers up to one. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._sums = Sums()

    def advance(self) -> Sums:
        """With those that came since; what is returned changes no more."""
        fields = ("pk", "route", "model", "confidence", "prompt_tokens", "completion_tokens")
        with self._lock:
            sums = self._sums
            known = set(ModelVersion.objects.values_list("name", flat=True))
            new = Answer.objects.filter(
                pk__gt=self._last, answered_at__lt=timezone.now() - SETTLED
            ).order_by("pk")
            rows = new.values_list(*fields, *(f"{stage}_ms" for stage in STAGES))
            for pk, route, model, confidence, prompt, completion, *ms in rows.iterator():
                engine = _engine(route, model, known)
                sums.questions[engine, _result(route, confidence)] += 1
                sums.tokens[engine, "prompt"] += prompt
                sums.tokens[engine, "completion"] += completion
                for stage, length in zip(STAGES, ms, strict=True):
                    sums.buckets[stage, bisect_left(BOUNDS, length / 1000)] += 1
                    sums.seconds[stage] += length / 1000
                self._last = pk
            return deepcopy(sums)


def _engine(route: str, model: str, tuned: set[str]) -> str:
    """What answered, or was asked last before the refusal."""
    if route != Answer.Route.REFUSED:
        return route
    return "none" if not model else "tuned" if model in tuned else "rag"


def _result(route: str, confidence: float) -> str:
    """A refusal because no model could be asked is the only one with a confidence of 0."""
    if route != Answer.Route.REFUSED:
        return "answered"
    return "refused" if confidence else "failed"


class PortalCollector(Collector):
    def __init__(self) -> None:
        self._answers = Answers()

    def collect(self) -> Iterator[Metric]:
        yield from _of_answers(self._answers.advance())
        yield from _of_documents()
        yield from _of_models()
        yield from _of_failures()
        yield from _of_condition()


# --- Answers -----------------------------------------------------------------------------------
def _of_answers(answers: Sums) -> Iterator[Metric]:
    questions = CounterMetricFamily(
        "docportal_questions",
        "Questions by the engine that answered, or was asked last, and by what came of them.",
        labels=["route", "result"],
    )
    refusals = CounterMetricFamily("docportal_refusals", "Questions that were refused.")
    refused = [n for (_, result), n in answers.questions.items() if result != "answered"]
    refusals.add_metric([], sum(refused))
    for engine in ENGINES:
        for result in RESULTS:
            questions.add_metric([engine, result], answers.questions[engine, result])
    tokens = CounterMetricFamily(
        "docportal_tokens", "Tokens that models read and wrote.", labels=["route", "kind"]
    )
    for engine in ENGINES:
        for kind in ("prompt", "completion"):
            tokens.add_metric([engine, kind], answers.tokens[engine, kind])
    feedback = CounterMetricFamily(
        "docportal_feedback", "What askers thought of answers.", labels=["verdict"]
    )
    counted = _counted(Feedback.objects.all(), "verdict")
    for verdict in Feedback.Verdict.values:
        feedback.add_metric([verdict], counted[verdict])
    yield from (questions, refusals, tokens, feedback, _latency(answers))


def _latency(answers: Sums) -> Metric:
    latency = HistogramMetricFamily(
        "docportal_stage_seconds", "How long the stages of answers take.", labels=["stage"]
    )
    for stage in STAGES:
        below, buckets = 0, []
        for place, bound in enumerate((*map(str, BOUNDS), "+Inf")):
            below += answers.buckets[stage, place]
            buckets.append((bound, below))
        latency.add_metric([stage], buckets, sum_value=answers.seconds[stage])
    return latency


# --- Documents and models ----------------------------------------------------------------------
def _of_documents() -> Iterator[Metric]:
    served = DocumentVersion.objects.served().values("document")
    archived = Document.objects.exclude(archived_at=None).count()
    serving = Document.objects.filter(pk__in=served).count()
    silent = Document.objects.filter(archived_at=None).exclude(pk__in=served).count()
    documents = {"served": serving, "archived": archived, "not-served": silent}
    yield _gauges("docportal_documents", "Documents.", "state", documents)
    versions = _counted(DocumentVersion.objects.all(), "state")
    states = {state: versions[state] for state in DocumentVersion.State.values}
    yield _gauges("docportal_versions", "Versions of documents by their state.", "state", states)


def _of_models() -> Iterator[Metric]:
    runs = _counted(TrainingRun.objects.all(), "state")
    states = {state: runs[state] for state in TrainingRun.State.values}
    yield _gauges("docportal_runs", "Training runs by their state.", "state", states)
    serving = list(ModelVersion.objects.filter(stage=ModelVersion.Stage.SERVING))
    known, ready = coverage_summaries(serving), set(ready_models())
    info = GaugeMetricFamily(
        "docportal_model_info", "A tuned model that serves; 1.", labels=["model", "readers", "base"]
    )
    loaded = GaugeMetricFamily(
        "docportal_model_loaded", "Whether a server answers by it.", labels=["model"]
    )
    coverage = GaugeMetricFamily(
        "docportal_model_passages",
        "Passages that it was taught, and those of them that stand nowhere any more.",
        labels=["model", "state"],
    )
    for model in serving:
        info.add_metric([model.name, "some" if model.audience else "everybody", model.base], 1)
        loaded.add_metric([model.name], model.name in ready)
        coverage.add_metric([model.name, "taught"], known[model.pk]["chunks"])
        coverage.add_metric([model.name, "stale"], known[model.pk]["stale"])
    yield from (info, loaded, coverage)


def _of_failures() -> Iterator[Metric]:
    standing = _counted(Incident.objects.filter(closed_at=None), "kind")
    kinds = {kind: standing[kind] for kind in Incident.Kind.values}
    yield _gauges("docportal_incidents_open", "Incidents that stand.", "kind", kinds)
    failures = CounterMetricFamily(
        "docportal_incident_failures", "Failures behind answers.", labels=["kind"]
    )
    times = dict(Incident.objects.order_by().values_list("kind").annotate(Sum("count")))
    for kind in Incident.Kind.values:
        failures.add_metric([kind], times.get(kind, 0))
    yield failures


# --- The portal itself -------------------------------------------------------------------------
def _of_condition() -> Iterator[Metric]:
    queues = condition.queues()
    for name, said, values in (
        ("unfinished", "What waits or is worked on.", {q.name: q.unfinished for q in queues}),
        ("oldest_seconds", "Age of the oldest of it.", {q.name: q.seconds for q in queues}),
        ("workers", "Workers that are alive.", {q.name: q.workers for q in queues}),
    ):
        yield _gauges(f"docportal_queue_{name}", said, "queue", values)
    yield _gauges("docportal_server_up", "Model servers.", "server", condition.servers())
    index = condition.index()
    yield GaugeMetricFamily("docportal_corpus_revision", "What is served.", index.corpus)
    yield GaugeMetricFamily("docportal_index_revision", "What the index holds.", index.held)
    yield GaugeMetricFamily("docportal_index_lag", "Revisions between them.", index.lag)
    disks = condition.disks()
    free = {disk.name: disk.free for disk in disks}
    yield _gauges("docportal_disk_free_bytes", "Room left.", "place", free)
    total = {disk.name: disk.total for disk in disks}
    yield _gauges("docportal_disk_bytes", "Size of the disk.", "place", total)
    if (check := condition.last_check()) and check.ended_at:
        problems = len(check.problems)
        yield GaugeMetricFamily("docportal_integrity_problems", "Of the last check.", problems)
        ended = check.ended_at.timestamp()
        yield GaugeMetricFamily("docportal_integrity_checked_seconds", "When it ended.", ended)


def _counted(rows: QuerySet[Any, Any], by: str) -> Counter[str]:
    return Counter(dict(rows.order_by().values_list(by).annotate(Count("pk"))))


def _gauges(name: str, said: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    gauges = GaugeMetricFamily(name, said, labels=[label])
    for value, number in values.items():
        gauges.add_metric([value], number)
    return gauges


def new_registry() -> CollectorRegistry:
    """One that has counted no answers yet. Not the library's own, into which others write."""
    registry = CollectorRegistry()
    registry.register(PortalCollector())
    ProcessCollector(registry=registry)
    return registry


REGISTRY = new_registry()


def exposition(registry: CollectorRegistry = REGISTRY) -> bytes:
    """All figures as text, version 0.0.4 of the format."""
    return generate_latest(registry)
