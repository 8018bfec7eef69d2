"""Have the tuned model answer that answered before the one that serves now."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from docportal.management.base import HomeCommand
from ingestion.errors import UserError
from router import registry
from router.models import ModelVersion


class Command(HomeCommand):
    help = "Go back to the tuned model that served before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--of",
            metavar="MODEL",
            help="Which serving model to take back. Default: everybody's, or the only one.",
        )
        parser.add_argument("--json", action="store_true", help="As it is without.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            model = registry.roll_back(by=None, audience=_audience(options["of"]))
        except UserError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps({"serving": model.name}))


def _audience(name: str | None) -> str:
    """Of the model that was named, or else of the one that can be meant: one for a group has a way
    back of its own."""
    serving = ModelVersion.objects.filter(stage=ModelVersion.Stage.SERVING)
    if name is not None:
        model = serving.filter(name=name).first()
        if model is None:
            raise CommandError(f"No model {name!r} serves. `models` lists them.", returncode=2)
        return model.audience
    audiences = dict(serving.values_list("audience", "name"))
    if "" in audiences or not audiences:
        return ""
    if len(audiences) > 1:
        names = ", ".join(sorted(audiences.values()))
        raise CommandError(f"Several models serve: {names}. Say which with --of.", returncode=2)
    return next(iter(audiences))
