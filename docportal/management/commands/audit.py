"""Sort wrong and badly rated answers by the step that went wrong; says what to do about them."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from docportal.management.base import HomeCommand
from docportal.questions import servers_at_hand
from ingestion.errors import UserError
from training.audit import Findings, audit
from training.models import AuditedError


class Command(HomeCommand):
    help = "Sort wrong answers into retrieval, ranking and model; says what to do about them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        with servers_at_hand(say=self.stderr.write):
            try:
                found = audit()
            except UserError as error:
                raise CommandError(str(error), returncode=1) from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(found), ensure_ascii=False))
        else:
            self._print(found)

    def _print(self, found: Findings) -> None:
        for bucket, errors in found.errors.items():
            self.stdout.write(f"{errors:5}  {AuditedError.Bucket(bucket).label.lower()}")
        for reason, errors in found.unsorted.items():
            self.stdout.write(f"{errors:5}  not sorted: {reason}")
        self.stdout.write(found.advice)


def _as_json(found: Findings) -> dict[str, Any]:
    counted = {str(bucket): errors for bucket, errors in found.errors.items()}
    return {**counted, "unsorted": found.unsorted, "advice": found.advice}
