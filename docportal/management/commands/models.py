"""List the tuned models: what each is worth, what it knows, and how much of that is stale."""

import json
from argparse import ArgumentParser
from typing import Any

from docportal.management.base import HomeCommand
from docportal.results import described
from router.models import ModelVersion

STATES = ("ready", "tainted", "pruned")


class Command(HomeCommand):
    help = "List the tuned models, newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        models = described(ModelVersion.objects.select_related("previous"))
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
