"""Write down everything that cannot be made again, while the portal goes on."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from docportal.backups.folder import told
from docportal.backups.making import Made, back_up
from docportal.management.base import CHECKS
from ingestion.errors import UserError


class Command(BaseCommand):
    help = (
        "Add a backup of database, documents and tuned models to a folder; what it has of an "
        "earlier one is not copied twice. Ends with 1 when this home had lost something before."
    )
    requires_system_checks = CHECKS

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("destination", type=Path, metavar="DESTINATION", help="A folder.")
        parser.add_argument(
            "--keep", type=int, metavar="N", help="Remove all but the newest N backups afterwards."
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] is not None and options["keep"] < 1:
            raise CommandError("--keep is at least 1.", returncode=2)
        try:
            made = back_up(options["destination"].absolute(), keep=options["keep"])
        except UserError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"There is no backup of now: {error}. Those before it are as they were."
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps(made.as_json(), ensure_ascii=False))
        else:
            self._print(made)
        if made.manifest.problems:
            raise CommandError(
                "The backup is whole, but this home had lost something before: "
                f"{told(made.manifest.problems)}. `check_integrity` says more."
            )

    def _print(self, made: Made) -> None:
        self.stdout.write(
            f"{made.path}: {len(made.manifest.files)} files, {_megabytes(made.manifest.size)}, of "
            f"which {made.new_files} with {_megabytes(made.new_bytes)} are new, in "
            f"{made.seconds:.1f} s"
        )
        for name in made.removed:
            self.stdout.write(f"Removed {name}")


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f} MB"
