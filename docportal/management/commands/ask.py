"""Answer questions from the current documents, each answer checked against its passages."""

import asyncio
import json
import textwrap
from argparse import ArgumentParser
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.core.management.base import BaseCommand

from docportal.models import User
from docportal.questions import (
    Line,
    add_question_arguments,
    cited,
    read_batch,
    servers_at_hand,
    source_line,
    user_named,
)
from ingestion.errors import UserError
from router import services
from router.models import Answer, Citation
from router.policy import RouteAsked
from router.tuned import serving_model

AT_ONCE = 4
ROUTES = ("auto", "tuned", "rag")


class Command(BaseCommand):
    help = "Ask a question, or a batch of them; prints the answers with their sources."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_question_arguments(parser)
        parser.add_argument("--route", choices=ROUTES, default="auto")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_named(options["user"])
        one = Line(0, query=options["text"] or "")
        lines = read_batch(options["batch"]) if options["batch"] else [one]
        tuned = serving_model(user) if options["route"] != "rag" else None
        with servers_at_hand(
            llm=options["route"] != "tuned",
            tuned=tuned.name if tuned else "",
            say=self.stderr.write,
        ):
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
            return line.named | await sync_to_async(_as_json)(answer)

    def _print(self, result: dict[str, Any]) -> None:
        if "error" in result:
            self.stderr.write(result["error"])
            return
        self.stdout.write(textwrap.fill(result["answer"], 90, replace_whitespace=False))
        self.stdout.write(f"\n{result['reason']}")
        for passage in result["citations"]:
            self.stdout.write(f"{'●' if passage['supports'] else '○'} {passage['source']}")


def _as_json(answer: Answer) -> dict[str, Any]:
    citations = answer.citations.select_related("chunk__version__document")
    return {
        "query": answer.query.text,
        "answer": answer.text,
        "route": answer.route,
        "reason": answer.reason,
        "refused": answer.refused,
        "verified": answer.verified,
        "confidence": round(answer.confidence, 4),
        "model": answer.model,
        "citations": [_citation(one) for one in citations.order_by("-supports", "rank")],
        "ms": {
            "retrieve": round(answer.retrieve_ms, 1),
            "generate": round(answer.generate_ms, 1),
            "verify": round(answer.verify_ms, 1),
            "total": round(answer.total_ms, 1),
        },
        "tokens": {"prompt": answer.prompt_tokens, "completion": answer.completion_tokens},
        "why": {
            key: answer.signals[key] for key in ("question", "decision", "features", "attempts")
        },
    }


def _citation(citation: Citation) -> dict[str, Any]:
    return cited(citation.chunk) | {
        "rank": citation.rank,
        "supports": citation.supports,
        "start": citation.start,
        "end": citation.end,
        "source": source_line(citation.rank, citation.chunk),
    }
