"""Runs the processes of the embedded default, and stops every one of them.

Children are tied to this process and end with it, however it ends. A child that ends by itself
is started again, after a pause that doubles from one second to half a minute and is short again
for one that lasted; only a task that has succeeded is not.
"""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from router import tether
from router.priority import step_back
from router.restarts import LASTING_SECONDS, pause_after

logger = logging.getLogger(__name__)

TETHER = tether.__file__
WATCHED = {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD}
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Service:
    """A process to keep running. Its output goes to `logs/<name>.log`.

    A task has an end, and what it prints on standard output is for whoever started us. One with a
    `niceness`, 0 to 19, leaves the processor to the others where they want it.
    """

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    is_task: bool = False
    niceness: int = 0


class Supervisor:
    """`with Supervisor(...) as running: running.wait()`; leaving the block stops everything."""

    def __init__(self, services: Sequence[Service], *, logs: Path) -> None:
        self._services = {service.name: service for service in services}
        self._logs = logs
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._ends: dict[str, int] = {}
        self._due: dict[str, float] = {}

    def __enter__(self) -> "Supervisor":
        self._logs.mkdir(parents=True, exist_ok=True)
        # Blocked, and fetched one by one in `wait`: no handler ever interrupts a start or a stop.
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        for name in self._services:
            self._start(name)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_all()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)

    def wait(self) -> None:
        """Keep the services running until somebody interrupts (Ctrl-C) or terminates us."""
        while True:
            received = signal.sigtimedwait(WATCHED, self._seconds_to_next_start())
            if received is not None and received.si_signo != signal.SIGCHLD:
                return
            self._note_ended()
            self._start_due()

    def _start(self, name: str) -> None:
        service = self._services[name]
        with (self._logs / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, TETHER, str(os.getpid()), *service.command],
                stdin=subprocess.DEVNULL,
                stdout=None if service.is_task else log,
                stderr=log,
                env={**os.environ, **service.environment},
                start_new_session=True,
            )
        # Who may not lower every priority may change one in a tenth of a second only.
        if service.niceness:
            step_back(self._processes[name].pid, service.niceness)
        self._started[name] = time.monotonic()

    def _note_ended(self) -> None:
        for name, process in list(self._processes.items()):
            if name not in self._due and process.poll() is not None:
                if self._services[name].is_task and process.returncode == 0:
                    del self._processes[name]
                    continue
                lasted = time.monotonic() - self._started[name] > LASTING_SECONDS
                self._ends[name] = 1 if lasted else self._ends.get(name, 0) + 1
                pause = pause_after(self._ends[name])
                logger.error(
                    "%s ended (%s); see %s/%s.log. It starts again in %.0f s.",
                    name,
                    process.returncode,
                    self._logs,
                    name,
                    pause,
                )
                self._due[name] = time.monotonic() + pause

    def _seconds_to_next_start(self) -> float:
        return max(0.0, min(self._due.values(), default=time.monotonic() + 60) - time.monotonic())

    def _start_due(self) -> None:
        now = time.monotonic()
        for name in [name for name, due in self._due.items() if due <= now]:
            del self._due[name]
            self._start(name)

    def _stop_all(self) -> None:
        for process in self._processes.values():
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal_group(process, signal.SIGKILL)
                process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
