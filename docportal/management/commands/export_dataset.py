"""Write a frozen dataset in the form of another trainer."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from docportal.management.base import HomeCommand
from ingestion.audit import record
from ingestion.errors import UserError
from training.datasets.exports import FORMATS
from training.models import Dataset


class Command(HomeCommand):
    help = "Export a dataset, by default the newest, for Hugging Face or Axolotl."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", nargs="?", type=int, metavar="NUMBER")
        parser.add_argument("--format", choices=FORMATS, required=True)
        parser.add_argument("--out", type=Path, required=True, metavar="DIR")

    def handle(self, *args: Any, **options: Any) -> None:
        dataset = self._dataset(options["number"])
        try:
            FORMATS[options["format"]](dataset, options["out"])
        except UserError as error:
            raise CommandError(str(error)) from error
        told = f"{dataset.number} for {options['format']} to {options['out']}"
        record(None, "exported a dataset", detail=told)
        self.stdout.write(
            f"Dataset {dataset.number}: {dataset.train} rows, {dataset.validation} questions for "
            f"validation, {dataset.test} for the test, in {options['out']}"
        )

    def _dataset(self, number: int | None) -> Dataset:
        chosen = {} if number is None else {"number": number}
        found = Dataset.objects.filter(**chosen).order_by("-number").first()
        if found is None:
            which = "no dataset yet" if number is None else f"no dataset {number}"
            raise CommandError(f"There is {which}. `train` freezes one.", returncode=2)
        return found
