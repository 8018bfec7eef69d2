"""Write a collection, with all versions of its documents and their pairs, as files."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from docportal.exports.contents import Export
from docportal.exports.writing import write_folder, write_zip
from docportal.management.base import HomeCommand
from docportal.models import User
from docportal.questions import user_named
from ingestion.audit import record
from ingestion.models import Collection


class Command(HomeCommand):
    help = (
        "Export a collection, with all versions of its documents and their pairs, to a folder or "
        "a zip file. `ingest` brings the folder in again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--collection", required=True, metavar="NAME")
        parser.add_argument(
            "--out", type=Path, required=True, metavar="DIR|FILE.zip", help="Not there yet."
        )
        parser.add_argument("--user", metavar="NAME", help="Whose rights. Default: in no group.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_named(options["user"])
        collection = self._collection(options["collection"], user)
        out: Path = options["out"].absolute()
        is_zip = out.suffix.lower() == ".zip"
        if out.exists() and (is_zip or not out.is_dir() or any(out.iterdir())):
            raise CommandError(f"{out} is there already. Name a new one.", returncode=2)
        if not out.parent.is_dir():
            raise CommandError(f"There is no folder {out.parent}. Make it first.", returncode=2)
        export = Export(collection)
        try:
            (write_zip if is_zip else write_folder)(export.entries(), out)
        except OSError as error:
            raise CommandError(f"Nothing was written: {error}.") from error
        record(user, "exported", collection=collection)
        self._print(export, out, as_json=options["json"])

    def _collection(self, name: str, user: User | None) -> Collection:
        found = Collection.objects.readable_by(user).named(name)
        if found is None:
            raise CommandError(f"There is no collection {name!r} for this reader.", returncode=2)
        return found

    def _print(self, export: Export, out: Path, *, as_json: bool) -> None:
        if as_json:
            told = {"out": str(out), "documents": export.documents, "versions": export.versions}
            told |= {"pairs": export.pairs, "missing": export.missing}
            self.stdout.write(json.dumps(told, ensure_ascii=False))
        else:
            self.stdout.write(
                f"{export.documents} documents with {export.versions} versions and {export.pairs} "
                f"pairs, in {out}"
            )
        if export.missing:
            raise CommandError(
                f"The original of {', '.join(export.missing[:5])} is gone: {len(export.missing)} "
                "in all. `check_integrity` says more."
            )
