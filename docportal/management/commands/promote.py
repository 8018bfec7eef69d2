"""Have a tuned model answer from now on."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from docportal.management.base import HomeCommand
from ingestion.errors import UserError
from router.models import ModelVersion
from training import promoting


class Command(HomeCommand):
    help = "Have a tuned model answer instead of the one that serves the same readers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", metavar="MODEL", help="Its name, such as docs-v0002.")
        parser.add_argument("--reason", default="", help="Why, if its gate stopped it. It is kept.")
        parser.add_argument("--json", action="store_true", help="As it is without.")

    def handle(self, *args: Any, **options: Any) -> None:
        model = ModelVersion.objects.filter(name=options["model"]).first()
        if model is None:
            raise CommandError(
                f"There is no model {options['model']!r}. `models` lists them.", returncode=2
            )
        try:
            promoting.promote(model=model, by=None, reason=options["reason"])
        except UserError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps({"serving": model.name}))
