"""What a trainer tells, brought into its run's row and curves."""

import math
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from training import jobs
from training.models import RunPoint, TrainingRun
from training.trainers.config import CONFIG, RunConfig
from training.trainers.events import first_start, read_events

Event = dict[str, Any]
_OF_STEP = ("seconds", "loss", "tokens_per_second")
_OF_VALIDATION = ("exact_match", "hallucination", "answers")
_OF_RUN = ("step", "steps", "loss", "tokens_per_second", "seconds_left")


class Listener:
    """Hears the events of a run's folder; at first also those of its earlier starts.

    Events heard again change nothing, since a point of the curves has the step as its name. A
    checkpoint further on than all before is progress, from which attempts are counted anew.
    """

    def __init__(self, job: jobs.Claim) -> None:
        self._job = job
        self._offset = 0
        earlier = self._read()
        self._furthest = _furthest_checkpoint(earlier)
        self._store(earlier)

    def hear(self) -> bool:
        """Bring in what is new; whether there was anything. Raises `LeaseLost`."""
        events = self._read()
        furthest = _furthest_checkpoint(events)
        if furthest > self._furthest:
            self._furthest = furthest
            jobs.count_anew(self._job)
        self._store(events)
        return bool(events)

    def _read(self) -> list[Event]:
        events, self._offset = read_events(self._job.run.folder, self._offset)
        return events

    def _store(self, events: Sequence[Event]) -> None:
        if columns := _columns(events):
            with transaction.atomic():
                jobs.write(self._job, **columns)
                _save_points(self._job.run, events)


def warnings_of(run: TrainingRun) -> list[str]:
    """What makes its data poor ones: told as they were frozen, and as the trainer read them."""
    warnings = list(run.dataset.warnings) if run.dataset else []
    started = first_start(run.folder)
    if dropped := started.get("dropped", 0):
        most = RunConfig.read(run.folder / CONFIG).max_tokens
        warnings.append(
            f"Not taught, as longer than {most:,} tokens: {dropped:,} of "
            f"{started['rows'] + dropped:,} rows. Shorten the longest answers in the review of "
            "pairs, or give rows with passages less weight in DATASET_MIXTURE."
        )
    return warnings


def _furthest_checkpoint(events: Sequence[Event]) -> int:
    return max((e["step"] for e in events if e["event"] == "checkpoint"), default=0)


def _columns(events: Sequence[Event]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for event in events:
        columns |= {name: event[name] for name in _OF_RUN if name in event}
    return columns


def _save_points(run: TrainingRun, events: Sequence[Event]) -> None:
    """A point for each step, the later telling of it counts; then what validations add."""
    steps = {e["step"]: e for e in events if e["event"] == "step" and math.isfinite(e["loss"])}
    RunPoint.objects.bulk_create(
        [
            RunPoint(run=run, step=step, **{name: event[name] for name in _OF_STEP})
            for step, event in steps.items()
        ],
        update_conflicts=True,
        unique_fields=["run", "step"],
        update_fields=_OF_STEP,
        batch_size=500,
    )
    for event in events:
        if event["event"] == "validation":
            values = {name: event[name] for name in _OF_VALIDATION}
            RunPoint.objects.filter(run=run, step=event["step"]).update(**values)
