"""Measure systems on a file of questions: how right, how stale, how fast, at what cost."""

import contextlib
import hashlib
import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from docportal.benchmark_report import as_html, as_text
from docportal.management.base import HomeCommand
from docportal.models import User
from docportal.questions import servers_at_hand, user_named
from ingestion.errors import UserError
from router.processes import ServerFailed
from router.tuned import usable_by
from training.benchmark import services
from training.benchmark.asking import SYSTEMS, ModelGone, Plan, ProductChanged, UntunedModel
from training.benchmark.questions import Question, read_questions
from training.benchmark.report import HYBRID, RAG, TUNED, UNTUNED, WITHOUT_MODEL
from training.models import Benchmark
from training.writing import require_place, write_whole

RUNS = 3
STANDARD_OUTPUT = Path("-")


class Command(HomeCommand):
    help = "Measure the systems on a file of questions; the result is shown on the benchmark page."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--questions", type=Path, required=True, metavar="FILE.jsonl")
        parser.add_argument(
            "--systems", type=_systems, required=True, help=f"Of {', '.join(SYSTEMS)}; with commas."
        )
        parser.add_argument("--runs", type=_runs, default=RUNS, help="Of all questions.")
        parser.add_argument("--user", metavar="NAME", help="Whose rights. Default: in no group.")
        parser.add_argument("--name", help="Under which it is shown. Default: the file's.")
        parser.add_argument(
            "--anew", action="store_true", help="Forget the answers of a call that was stopped."
        )
        parser.add_argument(
            "--json",
            type=Path,
            nargs="?",
            const=STANDARD_OUTPUT,
            metavar="OUT",
            help="Print the figures as JSON, and write them to this file if it is given.",
        )
        parser.add_argument("--html", type=Path, metavar="OUT", help="File for the report.")

    def handle(self, *args: Any, **options: Any) -> None:
        content, questions = _questions(options["questions"])
        user = user_named(options["user"])
        for out in (options["json"], options["html"]):
            _check_out(out)
        benchmark = self._measured(content, questions, user, options)
        self._tell(benchmark, options)

    def _measured(
        self, content: bytes, questions: list[Question], user: User | None, options: dict[str, Any]
    ) -> Benchmark:
        with contextlib.ExitStack() as stack:
            try:
                untuned = stack.enter_context(self._servers(options["systems"], user))
                return services.run(
                    Plan(questions, options["systems"], options["runs"], user, untuned),
                    name=options["name"] or options["questions"].stem,
                    questions_sha256=hashlib.sha256(content).hexdigest(),
                    anew=options["anew"],
                    tell=self.stderr.write,
                )
            except (ModelGone, ProductChanged, ServerFailed) as error:
                raise CommandError(str(error)) from error
            except KeyboardInterrupt as interrupt:
                message = "Interrupted. The same command goes on with the answers that it has."
                raise CommandError(message) from interrupt

    @contextlib.contextmanager
    def _servers(self, systems: list[str], user: User | None) -> Iterator[UntunedModel | None]:
        """Those that the systems need; each tuned model that may answer this user has one."""
        wanted = set(systems)
        tuned = [model.name for model in usable_by(user)] if wanted & {TUNED, HYBRID} else []
        llm = bool(wanted & {RAG, HYBRID, WITHOUT_MODEL})
        untuned: contextlib.AbstractContextManager[UntunedModel | None] = (
            services.untuned_model() if UNTUNED in wanted else contextlib.nullcontext()
        )
        with servers_at_hand(llm=llm, tuned=tuned, say=self.stderr.write), untuned as model:
            yield model

    def _tell(self, benchmark: Benchmark, options: dict[str, Any]) -> None:
        """The figures as JSON alone on standard output, if asked for; else a table for people."""
        told = json.dumps(benchmark.report, ensure_ascii=False)
        if options["json"]:
            self.stderr.write(as_text(benchmark))
            self.stdout.write(told)
        else:
            self.stdout.write(as_text(benchmark))
        if options["json"] not in (None, STANDARD_OUTPUT):
            _write(options["json"], told + "\n")
        if options["html"]:
            _write(options["html"], as_html(benchmark))


def _systems(given: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    if unknown := [name for name in names if name not in SYSTEMS]:
        raise ArgumentTypeError(f"there is no system {', '.join(unknown)}; of {', '.join(SYSTEMS)}")
    if not names:
        raise ArgumentTypeError(f"name at least one of {', '.join(SYSTEMS)}")
    return names


def _runs(given: str) -> int:
    try:
        runs = int(given)
    except ValueError:
        runs = 0
    if runs < 1:
        raise ArgumentTypeError("give a whole number of at least 1")
    return runs


def _questions(path: Path) -> tuple[bytes, list[Question]]:
    """The file's content and what it holds; wrong use if it cannot be read."""
    try:
        content = path.read_bytes()
        return content, read_questions(content, longest=settings.QUESTION_MAX_CHARACTERS)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}", returncode=2) from error
    except UserError as error:
        raise CommandError(f"{path}: {error}", returncode=2) from error


def _check_out(out: Path | None) -> None:
    """Said before an hour of measuring, and not after it; until then the file is as it was."""
    if out is None or out == STANDARD_OUTPUT:
        return
    if not out.parent.is_dir():
        raise CommandError(f"There is no folder {out.parent} for {out.name}.", returncode=2)
    try:
        if not _is_device(out):
            require_place(out.resolve())
    except OSError as error:
        raise CommandError(
            f"{out} cannot be written: {error.strerror}. Name another file.", returncode=2
        ) from error


def _write(out: Path, text: str) -> None:
    if _is_device(out):
        out.write_text(text, encoding="utf-8")
    else:
        write_whole(out.resolve(), text)


def _is_device(out: Path) -> bool:
    """Such as `/dev/null` or a pipe, which no file is to take the place of."""
    return out.exists() and not out.is_file() and not out.is_dir()
