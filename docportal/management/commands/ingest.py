"""Bring files and folders into a collection and make them searchable, in this process."""

import json
import time
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import CommandError
from django.db import transaction

from docportal.bulk import Report, ingest_tree
from docportal.management.base import HomeCommand
from docportal.questions import servers_at_hand
from docportal.tree import read_tree
from ingestion import services
from ingestion.errors import UserError
from ingestion.models import Collection, DocType


class Command(HomeCommand):
    help = "Ingest files or folders (.pdf .md .html .htm .txt .rst .docx) into a collection."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--collection", required=True, metavar="NAME")
        parser.add_argument(
            "--readers", nargs="+", metavar="GROUP", help="Default: as it is; at first, everybody."
        )
        parser.add_argument(
            "--doc-type",
            choices=DocType.values,
            default="",
            help="Of all that is in the tree, also of what is there already. Default: guessed.",
        )
        parser.add_argument(
            "--replace-tree", action="store_true", help="Archive what is no longer in the tree."
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        missing = [str(path) for path in options["paths"] if not _is_there(path)]
        if missing:
            raise CommandError(f"No such file or folder: {', '.join(missing)}", returncode=2)
        started = time.monotonic()
        collection = self._collection(options["collection"], options["readers"])
        report = ingest_tree(
            read_tree(options["paths"]),
            collection=collection,
            doc_type=options["doc_type"],
            replace_tree=options["replace_tree"],
            servers=partial(servers_at_hand, say=self.stderr.write),
            progress=self.stderr.write,
        )
        report.seconds = round(time.monotonic() - started, 3)
        self._print(report, as_json=options["json"])
        if report.failed and not report.documents_kept:
            raise SystemExit(1)

    def _collection(self, name: str, readers: list[str] | None) -> Collection:
        with transaction.atomic():
            collection = Collection.objects.named(name) or _made(name)
            if readers is not None:
                names = sorted(set(readers))
                groups = [Group.objects.get_or_create(name=each)[0] for each in names]
                if services.set_readers(collection=collection, actor=None, readers=groups):
                    self.stderr.write(f"From now on {collection} is read by {', '.join(names)}.")
        return collection

    def _print(self, report: Report, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False))
            return
        self.stdout.write(
            f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged, "
            f"{report.archived} archived, {report.retyped} given another type, "
            f"{report.pairs} pairs imported and {report.mined} mined, "
            f"{len(report.failed)} failed in {report.seconds} s"
        )
        for failure in report.failed:
            self.stdout.write(f"  {failure['path']}: {failure['reason']}")


def _made(name: str) -> Collection:
    """Raises `CommandError` (wrong use) for a name that no new collection can have."""
    try:
        return services.create_collection(actor=None, name=name)
    except UserError as error:
        # Another command may have made it at this very moment.
        found = Collection.objects.named(name)
        if found is None:
            raise CommandError(str(error), returncode=2) from error
        return found


def _is_there(path: Path) -> bool:
    """Not so for a name that is too long, or in a folder that may not be entered."""
    try:
        return path.exists()
    except OSError:
        return False
