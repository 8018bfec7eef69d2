"""A thousand documents that wait in the queue, brought in by one worker and by two."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.backing import Services, apart
from benchmarks.home import fresh_home
from benchmarks.ingest import write_tree
from benchmarks.queue_workers import (
    processor_seconds,
    queue,
    running_workers,
    unfinished,
    wait_until_fewer,
)
from benchmarks.tables import Row

FIRST_SECONDS, ALL_SECONDS = 120.0, 3600.0


@dataclass(frozen=True, slots=True)
class Brought:
    """`processor`: seconds of it by whoever used them, of `cores` times `seconds`."""

    documents: int
    seconds: float
    processor: dict[str, float]

    def rate(self) -> float:
        return self.documents / self.seconds

    def shares(self) -> str:
        there = self.seconds * (os.cpu_count() or 1)
        return ", ".join(f"{who} {used / there:.0%}" for who, used in self.processor.items())


def rows(services: Services, documents: int) -> Iterator[Row]:
    if missing := services.missing():
        yield Row(f"{documents} documents by workers", f"not measured: {missing}")
        return
    found = []
    for workers in (1, 2):
        with services.fresh() as environment:
            found.append(apart(environment, measured, documents, workers))
    one, two = found
    yield Row(
        f"{documents} documents, 2 workers",
        f"{two.rate():.2f} documents/s",
        f"{one.rate():.2f} documents/s (1 worker)",
        f"{two.rate() / one.rate():.2f}",
    )
    cores = os.cpu_count()
    yield Row(f"shares of {cores} cores", two.shares(), f"{one.shares()} (1 worker)")


def measured(documents: int, workers: int) -> Brought:
    """From the first document that is ready to the last. In a process of its own."""
    with fresh_home() as home:
        folder = home / "tree"
        folder.mkdir()
        write_tree(folder, documents)
        queue(folder)
        with running_workers(workers, home / "workers.log"):
            if not wait_until_fewer(documents, FIRST_SECONDS):
                raise RuntimeError("The workers bring in nothing.")
            before, started, left = processor_seconds(), time.monotonic(), unfinished()
            if not wait_until_fewer(1, ALL_SECONDS):
                raise RuntimeError("The workers came to no end.")
            seconds = time.monotonic() - started
            after = processor_seconds()
    return Brought(left, seconds, {who: used - before[who] for who, used in after.items()})
