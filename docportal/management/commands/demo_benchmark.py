"""What follows the sample company's first model: documents change, and the systems are measured."""

import io
import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from docportal import demo
from docportal.bulk import refresh_precedents
from docportal.models import User
from ingestion.jobs import UNFINISHED
from ingestion.models import Collection, DocumentVersion
from router.models import ModelVersion
from router.serving import embedded_servers, tuned_url
from router.tuned import serving_model
from training.benchmark.report import HYBRID, RAG, TUNED
from training.models import Benchmark, TrainingRun
from training.synthesis.versions import mine_collection

NAME = "demo"
QUESTIONS = demo.FOLDER / "questions.jsonl"
LOOK_EVERY = 2.0
# Seconds. A server that is not loaded by then is started by the benchmark itself.
LONGEST_LOADING = 300.0


class Command(BaseCommand):
    help = "Wait for the demo's first model, change its documents, benchmark. A part of `demo`."

    def handle(self, *args: Any, **options: Any) -> None:
        if Benchmark.objects.filter(name=NAME).exists():
            return
        model = _first_model()
        self._publish_changes()
        if model is None:
            self.stdout.write(
                "No model serves: /training/ says why. Questions are answered from passages, and "
                "there is no benchmark until a model serves and the demo is started again."
            )
            return
        _await_loaded(model)
        _make_precedents()
        self._benchmark(model)

    def _publish_changes(self) -> None:
        added = demo.publish_changes(User.objects.get(username="writer"))
        if added:
            names = " and ".join(version.document.path for version in added)
            self.stdout.write(f"New versions of {names} are published. No model has read them.")
        collection = DocumentVersion.objects.filter(document__collection__name=demo.TAUGHT)
        while collection.filter(state__in=UNFINISHED).exists():
            time.sleep(LOOK_EVERY)

    def _benchmark(self, model: ModelVersion) -> None:
        self.stdout.write(
            f"{model.name} serves. The demo's questions are put to the model alone, to the "
            "passages alone and to both together; /benchmark/ shows how far that is."
        )
        call_command(
            "benchmark",
            *("--questions", str(QUESTIONS), "--systems", ",".join((TUNED, RAG, HYBRID))),
            *("--runs", "1", "--name", NAME),
            # Its table is wider than a terminal; the page has it.
            stdout=io.StringIO(),
            stderr=self.stdout,
        )
        self.stdout.write(_told(Benchmark.objects.filter(name=NAME)[0]))


def _first_model() -> ModelVersion | None:
    """The model that serves everybody, once it does; None when no run is left to make one."""
    while True:
        # Looked at first: a run ends after its model serves.
        is_coming = (
            not TrainingRun.objects.exists()
            or TrainingRun.objects.filter(state__in=TrainingRun.UNFINISHED).exists()
        )
        model = serving_model()
        if model is not None or not is_coming:
            return model
        time.sleep(LOOK_EVERY)


def _await_loaded(model: ModelVersion) -> None:
    deadline = time.monotonic() + LONGEST_LOADING
    while tuned_url(model.name) is None and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)


def _make_precedents() -> None:
    """Those of the changes. A worker makes them in a moment, while the benchmark asks already, and
    that keeps nothing where they change meanwhile."""
    mine_collection(Collection.objects.get(name=demo.TAUGHT))
    refresh_precedents(servers=embedded_servers)


def _told(benchmark: Benchmark) -> str:
    """What the hybrid did, in a sentence."""
    report = benchmark.report
    share, hybrid = report["route_share"][HYBRID], report["systems"][HYBRID]
    right = {name: f"{of['correct']:.0%}" for name, of in report["systems"].items()}
    return (
        f"The benchmark has ended: of {hybrid['n']} questions the hybrid took {share[TUNED]:.0%} "
        f"to the model and {share[RAG]:.0%} to the passages, and refused {share['refused']:.0%}. "
        f"As they should be are {right[HYBRID]} of its answers, {right[TUNED]} of the model's and "
        f"{right[RAG]} of those from passages. /benchmark/ shows the table."
    )
