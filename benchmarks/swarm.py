"""Locust in a process of its own, and what it wrote down."""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.times import Times
from benchmarks.web import ROOT

PEOPLE = ROOT / "benchmarks" / "people.py"
# Of a login that waits for a hash, and of locust's own start and end.
SPARE_SECONDS = 120.0
SERVER_ERROR = "5xx"


@dataclass(frozen=True, slots=True)
class Swarm:
    """So many people of these classes; they arrive within `warm_up` seconds, and what they do in
    the `seconds` after it counts."""

    host: str
    classes: tuple[str, ...]
    users: int
    warm_up: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Noted:
    """What locust wrote: times by the name of the request, exact to two digits above 100 ms, and
    how often each failure happened, by its text."""

    times: dict[str, Times] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)

    def of(self, name: str) -> Times:
        return self.times.get(name, Times([]))

    def pages(self) -> Times:
        """All pages that readers look at."""
        found = [times.seconds for name, times in self.times.items() if name.startswith("page: ")]
        return Times(list(np.concatenate(found)) if found else [])

    def requests(self) -> int:
        """All of HTTP, answers' streams included."""
        return sum(len(times.seconds) for name, times in self.times.items() if name != "answer")

    def server_errors(self) -> int:
        return sum(count for text, count in self.failures.items() if is_server_error(text))

    def other_failures(self) -> int:
        return sum(self.failures.values()) - self.server_errors()


def is_server_error(text: str) -> bool:
    """Of the text that locust has for a failure: `…: status code 503`, as its client words it."""
    return any(f"{word} 5" in text for word in ("code", "status"))


@contextmanager
def running_swarm(swarm: Swarm, folder: Path) -> Iterator["Run"]:
    """While inside, they use the portal; files go into `folder`."""
    folder.mkdir()
    command = [
        *(sys.executable, "-m", "locust", "--locustfile", str(PEOPLE), *swarm.classes),
        *("--headless", "--host", swarm.host, "--users", str(swarm.users)),
        *("--spawn-rate", f"{swarm.users / swarm.warm_up:.4f}", "--reset-stats"),
        *("--run-time", f"{swarm.warm_up + swarm.seconds:.0f}s", "--exit-code-on-error", "0"),
        *("--json-file", str(folder / "noted"), "--csv", str(folder / "noted")),
        *("--only-summary", "--logfile", str(folder / "locust.log")),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield Run(swarm, folder, process, time.monotonic())
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True, slots=True)
class Run:
    swarm: Swarm
    folder: Path
    process: "subprocess.Popen[bytes]"
    started: float

    def wait_until_warm(self) -> None:
        """Until all have arrived. Raises `RuntimeError` if locust ends before."""
        try:
            self.process.wait(self.started + self.swarm.warm_up - time.monotonic())
        except subprocess.TimeoutExpired:
            return
        raise self._ended_early()

    def noted(self) -> Noted:
        """What was written, once it has ended by itself."""
        if self.process.wait(self.swarm.seconds + SPARE_SECONDS):
            raise self._ended_early()
        entries = json.loads((self.folder / "noted.json").read_text())
        with (self.folder / "noted_failures.csv").open() as file:
            failures = [
                (f"{row['Name']}: {row['Error']}", int(row["Occurrences"]))
                for row in csv.DictReader(file)
            ]
        return Noted(
            {one["name"]: _times(one["response_times"]) for one in entries}, dict(failures)
        )

    def _ended_early(self) -> RuntimeError:
        return RuntimeError(f"Locust ended: {(self.folder / 'locust.log').read_text()[-2000:]}")


def _times(counts: dict[str, int]) -> Times:
    """Of how many requests took so many milliseconds."""
    milliseconds = [float(text) for text in counts]
    return Times(list(np.repeat(milliseconds, list(counts.values())) / 1000))
