"""Bring collections in line with the sources that they follow, in this process."""

import json
import time
from argparse import ArgumentParser
from contextlib import nullcontext
from functools import partial
from typing import Any

from django.core.management.base import CommandError
from django.db.models import QuerySet

from docportal.bulk import is_in_hand, make_searchable, refresh_precedents
from docportal.management.base import HomeCommand
from docportal.questions import servers_at_hand
from ingestion.jobs import UNFINISHED
from ingestion.models import Collection, DocumentVersion, Source, SourceFile
from ingestion.sources.services import request_sync
from ingestion.sources.syncing import sync
from router import retrieval
from training.synthesis.versions import mine_collection

NO_EMBEDDINGS = (
    "The embedding server does not answer. A worker goes on when it does; without a worker, run "
    "`manage.py sync` again then."
)
IN_HAND = "Another process still works on them. Run `manage.py sync` again to hear how it ended."
COUNTS = ("created", "updated", "moved", "archived", "commits")


class Command(HomeCommand):
    help = "Sync the sources of collections: git repositories and folders."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--collection", metavar="NAME", help="Default: every source.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        sources = self._sources(options["collection"])
        outcomes = [self._sync(source) for source in sources]
        pending = [
            pk for source in sources for pk in _unfinished(source).values_list("pk", flat=True)
        ]
        servers = partial(servers_at_hand, say=self.stderr.write)
        with servers() if pending else nullcontext():
            make_searchable(pending, progress=self.stderr.write)
        retrieval.refresh()
        for source in sources:
            mine_collection(source.collection)
        refresh_precedents(servers=servers)
        for source, outcome in zip(sources, outcomes, strict=True):
            outcome |= _waiting(source)
        waiting = sum(one["waiting"] for one in outcomes)
        seconds = round(time.monotonic() - started, 3)
        result = {"sources": outcomes, "waiting": waiting, "seconds": seconds}
        self._print(result, as_json=options["json"])
        if waiting or any(one["outcome"] != "synced" for one in outcomes):
            raise SystemExit(1)

    def _sources(self, name: str | None) -> list[Source]:
        sources = Source.objects.select_related("collection")
        if name is None:
            return list(sources)
        found = list(sources.filter(collection=Collection.objects.named(name)))
        if not found:
            raise CommandError(
                f"No collection {name!r} follows a source. Add one on its page.", returncode=2
            )
        return found

    def _sync(self, source: Source) -> dict[str, Any]:
        request_sync(source=source, enqueue=False)
        before = source.changed_at
        is_mine = sync(source.pk, enqueue=False)
        source.refresh_from_db()
        report = source.report if source.changed_at != before else {}
        return {
            "collection": source.collection.slug,
            "kind": source.kind,
            "outcome": _outcome(source) if is_mine else "busy",
            "reason": source.failure,
            "commit": source.commit,
            "asked": source.files.filter(answer=SourceFile.Answer.ASKED).count(),
            **{name: report.get(name, 0) for name in COUNTS},
            "whole": report.get("whole", ""),
            "failed": source.report.get("failed", []),
            "others": source.report.get("others", {}),
        }

    def _print(self, result: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
            return
        for one in result["sources"]:
            did = ", ".join(f"{one[name]} {name}" for name in COUNTS)
            self.stdout.write(f"{one['collection']}: {one['outcome']}; {did}")
            if one["asked"]:
                self.stdout.write(
                    f"  {one['asked']} documents are gone from the source. Say on its page whether"
                    " they are to be archived."
                )
            if one["waiting"]:
                self.stdout.write(
                    f"  Versions that wait and are not searchable: {one['waiting']}. "
                    f"{one['waiting_for']}"
                )
            if one["reason"]:
                self.stdout.write(f"  {one['reason']}")
            for failure in one["failed"]:
                self.stdout.write(f"  {failure['path']}: {failure['reason']}")


def _unfinished(source: Source) -> QuerySet[DocumentVersion]:
    """Versions of its documents that are neither searchable nor failed."""
    versions = DocumentVersion.objects.filter(document__source_file__source=source)
    return versions.filter(state__in=UNFINISHED).order_by("pk")


def _waiting(source: Source) -> dict[str, Any]:
    """How many versions are still to be made searchable, and for what they wait."""
    leases = list(_unfinished(source).values_list("lease_until", flat=True))
    reason = IN_HAND if all(is_in_hand(lease) for lease in leases) else NO_EMBEDDINGS
    return {"waiting": len(leases), "waiting_for": reason if leases else ""}


def _outcome(source: Source) -> str:
    if source.state == Source.State.ASKING:
        return "asking"
    if source.is_under_way:
        return "busy"
    return "failed" if source.failure else "synced"
