"""Find, and mend where the truth is known, whatever database and files disagree about."""

import contextlib
import json
from argparse import ArgumentParser
from typing import Any

from docportal.integrity_checks import Report, check
from docportal.management.base import HomeCommand
from docportal.questions import servers_at_hand


class Command(HomeCommand):
    help = "Compare the database with files, index and models; ends with 1 while they disagree."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help="Mend what can be mended.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        with contextlib.ExitStack() as stack:
            if options["repair"]:
                # What lost its vector is embedded anew.
                stack.enter_context(servers_at_hand(say=self.stderr.write))
            report = check(repair=options["repair"])
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False))
        else:
            self._print(report)
        if not report.is_clean:
            raise SystemExit(1)

    def _print(self, report: Report) -> None:
        for (kind, what), repaired in report.problems.items():
            self.stdout.write(f"{kind}: {what}{' (repaired)' if repaired else ''}")
        problems = len(report.problems) or "no"
        self.stdout.write(f"{report.checked} things were looked at, {problems} problems found.")
