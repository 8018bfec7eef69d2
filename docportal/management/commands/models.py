"""List the tuned models: what each is worth, what it knows, and how much of that is stale."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand

from router.models import ModelVersion
from router.tuned import coverage_summaries, ready_models, tainted

STATES = ("ready", "tainted", "pruned")


class Command(BaseCommand):
    help = "List the tuned models, newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        models = list(_described())
        if options["json"]:
            self.stdout.write(json.dumps(models, ensure_ascii=False))
            return
        for model in models:
            known = model["coverage"]
            states = [model["stage"], *(state for state in STATES if model[state])]
            self.stdout.write(
                f"{model['model']}  {', '.join(states)}  {model['created'][:16]}  "
                f"{known['chunks']} passages, {known['stale']} stale"
            )
        if not models:
            self.stdout.write("There is no tuned model yet. Make one with `train`.")


def _described() -> Iterator[dict[str, Any]]:
    models = list(ModelVersion.objects.select_related("previous"))
    ready, spoilt, known = set(ready_models()), tainted(models), coverage_summaries(models)
    for model in models:
        yield {
            "model": model.name,
            "stage": model.stage,
            "created": model.created_at.isoformat(),
            "metrics": model.metrics,
            "coverage": known[model.pk],
            "base": model.base,
            "dataset": model.dataset_sha256,
            "for_everybody": not model.audience,
            "gate_passed": model.gate_passed,
            "previous": model.previous.name if model.previous else None,
            "ready": model.name in ready,
            "tainted": model.pk in spoilt,
            "pruned": model.pruned_at is not None,
        }
