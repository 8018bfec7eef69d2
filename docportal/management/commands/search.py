"""Find the passages of the current documents that fit a text."""

import json
import textwrap
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from docportal.management.base import HomeCommand
from docportal.models import User
from docportal.questions import (
    add_question_arguments,
    read_batch,
    servers_at_hand,
    user_named,
)
from docportal.results import searched, source_line
from ingestion.models import Collection
from router import retrieval
from router.retrieval.searching import MAX_LIMIT, SearchResult

SNIPPET_CHARACTERS = 300


class Command(HomeCommand):
    help = "Search the documents; prints the best passages with their source."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_question_arguments(parser)
        parser.add_argument("--collection", metavar="NAME")
        parser.add_argument(
            "--limit", type=int, default=10, help=f"Of passages; at most {MAX_LIMIT} are found."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit is at least 1.", returncode=2)
        if options["limit"] > MAX_LIMIT:
            self.stderr.write(f"At most {MAX_LIMIT} passages are found, whatever --limit says.")
        user = user_named(options["user"])
        collection = self._collection(options["collection"], user)
        lines = read_batch(options["batch"]) if options["batch"] else None
        with servers_at_hand(llm=False, say=self.stderr.write):

            def find(text: str) -> SearchResult:
                return retrieval.search(
                    text, user=user, collection=collection, limit=options["limit"]
                )

            if lines is None:
                self._print(find(options["text"]), as_json=options["json"])
                return
            for line in lines:
                if line.error:
                    self._write(line.failure(line.error))
                else:
                    self._write(line.named | {"query": line.query} | searched(find(line.query)))
        if lines and all(line.error for line in lines):
            raise SystemExit(1)

    def _collection(self, name: str | None, user: User | None) -> Collection | None:
        if name is None:
            return None
        found = Collection.objects.readable_by(user).named(name)
        if found is None:
            raise CommandError(f"There is no collection {name!r} for this reader.", returncode=2)
        return found

    def _print(self, result: SearchResult, *, as_json: bool) -> None:
        if as_json:
            self._write(searched(result))
            return
        for place, hit in enumerate(result.hits, start=1):
            self.stdout.write(self.style.SUCCESS(source_line(place, hit.chunk)))
            snippet = textwrap.shorten(hit.chunk.text, SNIPPET_CHARACTERS, placeholder=" …")
            self.stdout.write(textwrap.indent(textwrap.fill(snippet, 90), "    "))
        self.stderr.write(f"{len(result.hits)} passages in {result.ms:.0f} ms")

    def _write(self, result: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(result, ensure_ascii=False))
