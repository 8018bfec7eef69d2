"""Try a tuned model on a share of the people, or end a trial."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from docportal.management.base import HomeCommand
from ingestion.errors import UserError
from router import trials
from router.models import ModelVersion

REASON = "It was ended on the command line."


class Command(HomeCommand):
    help = "Have a candidate answer a share of the people, or with --end nobody again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "model",
            metavar="MODEL",
            nargs="?",
            help="Its name, such as docs-v0002. With --end by default the only one on trial.",
        )
        parser.add_argument("--share", type=int, default=10, help="1 to 50 % of the people.")
        parser.add_argument("--end", action="store_true", help="End its trial.")
        parser.add_argument(
            "--reason", default="", help="Why, if its gate stopped it or the trial ends."
        )
        parser.add_argument("--json", action="store_true", help="As it is without.")

    def handle(self, *args: Any, **options: Any) -> None:
        name, share, reason = options["model"], options["share"], options["reason"]
        if not name and not options["end"]:
            raise CommandError("Say which model, or end a trial with --end.", returncode=2)
        model = _named(name) if name else _on_trial()
        try:
            if options["end"]:
                trials.end_canary(model, by=None, reason=reason or REASON)
            else:
                trials.begin_canary(model, share=share, by=None, override_reason=reason)
        except UserError as error:
            raise CommandError(str(error)) from error
        told = {"canary": None, "share": 0} if options["end"] else {"canary": name, "share": share}
        self.stdout.write(json.dumps(told))


def _named(name: str) -> ModelVersion:
    model = ModelVersion.objects.filter(name=name).first()
    if model is None:
        raise CommandError(f"There is no model {name!r}. `models` lists them.", returncode=2)
    return model


def _on_trial() -> ModelVersion:
    """The only one: each set of readers has a trial of its own."""
    canaries = ModelVersion.objects.filter(stage=ModelVersion.Stage.CANARY)
    if len(canaries) > 1:
        names = ", ".join(canary.name for canary in canaries)
        raise CommandError(f"Several models are on trial: {names}. Say which.", returncode=2)
    if not canaries:
        raise CommandError("No model is on trial. `models` lists them.")
    return canaries[0]
