"""Make the question-and-answer pairs of a collection, in this process."""

import contextlib
import json
from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from docportal.bulk import refresh_precedents
from docportal.management.base import HomeCommand
from docportal.questions import servers_at_hand
from ingestion.models import Collection
from training.synthesis.service import SynthesisReport, synthesise


class Command(HomeCommand):
    help = "Make pairs from a collection's documents: by their form, and by the teacher if any."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--collection", required=True, metavar="NAME")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        collection = self._collection(options["collection"])
        if not collection.trainable:
            self.stderr.write(f"{collection} is not meant for training: it gets no pairs.")
        # Questions of the teacher are compared by their meaning as well.
        servers = partial(servers_at_hand, say=self.stderr.write)
        with servers() if settings.TEACHER_URL else contextlib.nullcontext():
            report = synthesise(collection, progress=self.stderr.write)
        refresh_precedents(servers=servers)
        self._print(report, as_json=options["json"])
        if report.failed and not report.teacher:
            raise SystemExit(1)

    def _collection(self, name: str) -> Collection:
        found = Collection.objects.named(name)
        if found is None:
            raise CommandError(f"There is no collection {name!r}. Ingest it first.", returncode=2)
        return found

    def _print(self, report: SynthesisReport, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(report.as_json()))
            return
        self.stdout.write(
            f"{report.pairs} pairs: {report.mined} mined, {report.teacher} by the teacher, "
            f"{report.imported} imported; {report.duplicates} duplicates left out, "
            f"{report.conflicts} contradict, {report.failed} passages failed"
        )
