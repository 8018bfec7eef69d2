"""Fit anew how likely tuned models are right, from the questions that they were judged by."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from docportal.management.base import HomeCommand
from router.models import ModelVersion
from router.serving import embedded_servers
from training.calibrating import calibrate
from training.models import TrainingRun


class Command(HomeCommand):
    help = "Fit how likely a tuned model is right; without MODEL, those that serve."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", metavar="MODEL", nargs="?", help="Such as docs-v0002.")
        parser.add_argument("--json", action="store_true", help="Print all figures of the fit.")

    def handle(self, *args: Any, **options: Any) -> None:
        models = _chosen(options["model"])
        with embedded_servers(embeddings=True):
            for model in models:
                self._calibrate(model, as_json=options["json"])

    def _calibrate(self, model: ModelVersion, *, as_json: bool) -> None:
        run = TrainingRun.objects.filter(model=model).first()
        if run is None:
            raise CommandError(f"The run that made {model} is gone, and its questions with it.")
        fitted = calibrate(model, run, servers=lambda: embedded_servers(embeddings=True))
        if fitted is None:
            raise CommandError(f"{model} could not be calibrated; the log says why.")
        if as_json:
            self.stdout.write(json.dumps({"model": model.name} | fitted.as_json()))
            return
        certified = fitted.why_none or (
            f"is asked first from {fitted.threshold:.0%} on, and shown where its evidence scores "
            f"{fitted.evidence:.2f} or more; of {fitted.certified} questions that no rule keeps "
            f"from it, asked of it or not, {fitted.errors} would get a wrong answer for its sake, "
            f"so with {fitted.level:.0%} confidence at most {fitted.bound:.1%} do"
        )
        self.stdout.write(f"{model}: {certified}")


def _chosen(name: str | None) -> list[ModelVersion]:
    if name is None:
        return list(ModelVersion.objects.filter(stage=ModelVersion.Stage.SERVING))
    model = ModelVersion.objects.filter(name=name).first()
    if model is None:
        raise CommandError(f"There is no model {name!r}. `models` lists them.", returncode=2)
    return [model]
