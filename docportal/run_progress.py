"""Lines for somebody who waits for a training run."""

import time
from collections.abc import Callable
from datetime import timedelta

from training.models import TrainingRun

QUIET_SECONDS = 5.0


class RunProgress:
    """Writes a line when a run's state changes, and its figures every few seconds."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._said = ""
        self._next = 0.0

    def show(self, run: TrainingRun) -> None:
        """`run` may be older than its row."""
        run = TrainingRun.objects.get(pk=run.pk)
        state = self._state(run)
        if state != self._said:
            self._said = state
            self._write(state)
        if run.state == TrainingRun.State.RUNNING and run.step and time.monotonic() > self._next:
            self._next = time.monotonic() + QUIET_SECONDS
            self._write(_figures(run))

    def _state(self, run: TrainingRun) -> str:
        if run.state != TrainingRun.State.QUEUED:
            return f"{run}: {run.get_state_display()}"
        busy = TrainingRun.objects.filter(state__in=TrainingRun.ACTIVE).order_by("number")
        others = ", ".join(f"{other} on {other.device}" for other in busy)
        return f"{run} waits for {others or 'its turn'}"


def _figures(run: TrainingRun) -> str:
    left = timedelta(seconds=round(run.seconds_left or 0))
    return (
        f"  step {run.step:,} of {run.steps:,} · loss {run.loss or 0:.3f} · "
        f"{run.tokens_per_second or 0:,.0f} tokens/s · {left} left"
    )
