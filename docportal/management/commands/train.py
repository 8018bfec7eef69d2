"""Train a model on collections, in this process: dataset, training, evaluation, gate."""

import contextlib
import json
import signal
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError

from docportal.management.base import HomeCommand
from docportal.run_progress import RunProgress
from ingestion.errors import UserError
from ingestion.models import Collection
from training import pipeline, runs
from training.models import TrainingRun
from training.progress import warnings_of

State = TrainingRun.State
LOOK_EVERY = 1.0


class Command(HomeCommand):
    help = "Train a model on collections, evaluate it, and say what the gate makes of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--collection", nargs="+", action="extend", required=True, metavar="NAME"
        )
        parser.add_argument("--mode", choices=TrainingRun.Mode.values, default="full")
        parser.add_argument(
            "--max-minutes", type=float, default=runs.MINUTES, help="For all of it."
        )
        parser.add_argument("--promote", action="store_true", help="If the gate lets it through.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        run = _requested(options)
        with _interruptible():
            self._follow(run)
        self._print(run, time.monotonic() - started, as_json=options["json"])
        wanted = (State.PROMOTED,) if options["promote"] else (State.GATED, State.PROMOTED)
        if run.state not in wanted:
            raise SystemExit(1)

    def _follow(self, run: TrainingRun) -> None:
        """Do the work, or wait for its turn; a worker that takes the run first may do it."""
        progress = RunProgress(self.stderr.write)
        try:
            while run.state in TrainingRun.UNFINISHED:
                if not pipeline.advance(run.pk, tell=progress.show):
                    progress.show(run)
                    time.sleep(LOOK_EVERY)
                run.refresh_from_db()
        except KeyboardInterrupt:
            self._cancel(run)

    def _cancel(self, run: TrainingRun) -> None:
        with contextlib.suppress(UserError):  # It may have ended at this very moment.
            runs.cancel(run=run, by=None)
        run.refresh_from_db()
        self.stderr.write(f"Interrupted. {run}: {run.get_state_display()}")

    def _print(self, run: TrainingRun, seconds: float, *, as_json: bool) -> None:
        result = _as_json(run) | {"seconds": round(seconds, 1)}
        if as_json:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
            return
        self.stdout.write(f"{run}: {run.get_state_display()} in {seconds:.0f} s")
        for check in run.gate:
            mark = "✓" if check["passed"] else "✗"
            self.stdout.write(f"  {mark} {check['check']}: {check['reason']}")
        for warning in warnings_of(run):
            self.stdout.write(f"  {warning}")
        if run.failure_reason:
            self.stdout.write(f"  {run.failure_reason}")
        if run.state == State.FAILED:
            again = "resume it on its page" if runs.can_resume(run) else "run `train` again"
            self.stdout.write(f"  Once that is mended, {again}.")
        if run.model and run.state == State.GATED:
            self.stdout.write(f"Have it answer with `promote {run.model}`.")


def _requested(options: dict[str, Any]) -> TrainingRun:
    """Raises `CommandError`."""
    collections = _named(options["collection"])
    try:
        return runs.request(
            collections=collections,
            by=None,
            mode=options["mode"],
            max_minutes=options["max_minutes"],
            promote_when_passed=options["promote"],
            reason="asked for by the command `train`",
            enqueue=False,
        )
    except UserError as error:
        wrong_use = error.id == "bad-minutes"
        raise CommandError(str(error), returncode=2 if wrong_use else 1) from error


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise KeyboardInterrupt, also where a shell had SIGINT ignored."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _named(names: list[str]) -> list[Collection]:
    """Raises `CommandError` (wrong use) for a name that no collection has."""
    found, missing = [], []
    for name in names:
        collection = Collection.objects.named(name)
        if collection is None:
            missing.append(name)
        elif collection not in found:
            found.append(collection)
    if missing:
        raise CommandError(f"There is no collection {', '.join(missing)}.", returncode=2)
    return found


def _as_json(run: TrainingRun) -> dict[str, Any]:
    dataset = run.dataset
    return {
        "run": run.number,
        "model": run.model.name if run.model else None,
        "status": run.state,
        "dataset": {
            "sha256": dataset.sha256,
            "train": dataset.train,
            "validation": dataset.validation,
            "test": dataset.test,
            "pairs": dataset.pairs,
            "facts": dataset.facts,
            "left_out": run.left_out,
            "warnings": warnings_of(run),
        }
        if dataset
        else None,
        "metrics": run.metrics,
        "gate": run.gate,
        "tokens_per_second": run.tokens_per_second,
        "failure": {"id": run.failure_id, "reason": run.failure_reason} if run.failure_id else None,
    }
