"""Make this home and database what they were when a backup was made."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from docportal.backups.restoring import Restored, restore
from ingestion.errors import UserError


class Command(BaseCommand):
    help = (
        "Restore a backup into this home and its database, which are empty unless --replace is "
        "given. Stop web, workers and trainers first. A restore that was killed is run again."
    )
    # One of the checks finds the restore that was killed and is run again here.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "source",
            type=Path,
            metavar="SOURCE",
            help="The folder that `backup` wrote to, or the .json of one backup in it.",
        )
        parser.add_argument(
            "--replace", action="store_true", help="Remove what is in this home and database."
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = restore(options["source"].absolute(), replace=options["replace"])
        except (UserError, OSError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(done.as_json(), ensure_ascii=False))
        else:
            self._print(done)

    def _print(self, done: Restored) -> None:
        counts = ", ".join(f"{count} {name}" for name, count in done.manifest.counts.items())
        self.stdout.write(
            f"Restored {done.backup.name} of docportal {done.manifest.docportal}: {counts}; the "
            f"index was made anew, in {done.seconds:.1f} s"
        )
        for problem in done.manifest.problems:
            self.stdout.write(f"It was lost when the backup was made: {problem}")
        for note in done.notes:
            self.stdout.write(note)
        self.stdout.write("Now run `check_integrity`, then start web and workers.")
