"""Answer questions from the current documents, each answer checked against its passages."""

import asyncio
import json
import textwrap
from argparse import ArgumentParser
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async

from docportal.management.base import HomeCommand
from docportal.models import User
from docportal.questions import (
    Line,
    add_question_arguments,
    read_batch,
    servers_at_hand,
    user_named,
)
from docportal.results import answered
from ingestion.errors import UserError
from router import services
from router.engines import AT_ONCE
from router.policy import RouteAsked
from router.tuned import usable_by

ROUTES = ("auto", "tuned", "rag")


class Command(HomeCommand):
    help = "Ask a question, or a batch of them; prints the answers with their sources."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_question_arguments(parser)
        parser.add_argument("--route", choices=ROUTES, default="auto")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_named(options["user"])
        one = Line(0, query=options["text"] or "")
        lines = read_batch(options["batch"]) if options["batch"] else [one]
        tuned = [model.name for model in usable_by(user)] if options["route"] != "rag" else []
        llm = options["route"] != "tuned"
        with servers_at_hand(llm=llm, tuned=tuned, say=self.stderr.write):
            succeeded = async_to_sync(self._answer_all)(lines, user, options)
        if lines and not succeeded:
            raise SystemExit(1)

    async def _answer_all(
        self, lines: list[Line], user: User | None, options: dict[str, Any]
    ) -> int:
        """Print each result as soon as those before it are printed; returns how many answered."""
        turns = asyncio.Semaphore(AT_ONCE)
        succeeded = 0
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._answer(line, user, options["route"], turns))
                for line in lines
            ]
            for task in tasks:
                result = await task
                succeeded += "error" not in result
                if options["batch"] or options["json"]:
                    self.stdout.write(json.dumps(result, ensure_ascii=False))
                else:
                    self._print(result)
        return succeeded

    async def _answer(
        self, line: Line, user: User | None, route: RouteAsked, turns: asyncio.Semaphore
    ) -> dict[str, Any]:
        if line.error:
            return line.failure(line.error)
        async with turns:
            try:
                query = await sync_to_async(services.start_query)(user=user, text=line.query)
            except UserError as error:
                return line.failure(str(error))
            answer = await services.finished_answer(query, route=route)
            return line.named | await sync_to_async(answered)(answer, user)

    def _print(self, result: dict[str, Any]) -> None:
        if "error" in result:
            self.stderr.write(result["error"])
            return
        self.stdout.write(textwrap.fill(result["answer"], 90, replace_whitespace=False))
        self.stdout.write(f"\n{result['reason']}")
        for passage in result["citations"]:
            self.stdout.write(f"{'●' if passage['supports'] else '○'} {passage['source']}")
