"""List the tuned models: what each is worth, what it knows, and how much of that is stale."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from router.models import ModelVersion
from router.tuned import coverage_summary, is_tainted, ready_models


class Command(BaseCommand):
    help = "List the tuned models, newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        ready = set(ready_models())
        models = [
            _as_json(model, ready) for model in ModelVersion.objects.select_related("previous")
        ]
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


STATES = ("ready", "tainted", "pruned")


def _as_json(model: ModelVersion, ready: set[str]) -> dict[str, Any]:
    return {
        "model": model.name,
        "stage": model.stage,
        "created": model.created_at.isoformat(),
        "metrics": model.metrics,
        "coverage": coverage_summary(model),
        "base": model.base,
        "dataset": model.dataset_sha256,
        "for_everybody": not model.audience,
        "gate_passed": model.gate_passed,
        "previous": model.previous.name if model.previous else None,
        "ready": model.name in ready,
        "tainted": is_tainted(model),
        "pruned": model.pruned_at is not None,
    }
