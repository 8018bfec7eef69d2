"""Thousands of jobs through Redis while all workers are killed every twenty seconds.

A job is a version of a document that is to be read, embedded and published. The version's row is
the job: whoever finishes it writes a row for each webhook that listens, in the same transaction. So
these rows tell how often each job was done.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.backing import Services, apart
from benchmarks.home import fresh_home
from benchmarks.ingest import sentence
from benchmarks.queue_workers import (
    Workers,
    queue,
    running_workers,
    unfinished,
    wait_until_fewer,
)
from benchmarks.tables import Row

WORKERS = 2
# Longer than a lease and the sweep after it: what does not move for so long never will.
STUCK_SECONDS = 180.0
NOWHERE = "http://127.0.0.1:9/"


@dataclass(frozen=True, slots=True)
class Done:
    """`lost` were never finished, `failed` given up; `doubled` were finished more than once."""

    jobs: int
    lost: int
    failed: int
    doubled: int
    problems: int
    kills: int
    begun: int
    seconds: float


def rows(services: Services, jobs: int, kill_every: float) -> Iterator[Row]:
    if missing := services.missing():
        yield Row(f"{jobs} jobs through Redis", f"not measured: {missing}")
        return
    with services.fresh() as environment:
        done = apart(environment, measured, jobs, kill_every)
    yield Row(f"jobs, {WORKERS} workers killed {done.kills} times", f"{done.jobs}")
    yield Row("lost", str(done.lost), aim="0")
    yield Row("given up as failed", str(done.failed), aim="0")
    yield Row("done twice", str(done.doubled), aim="0")
    yield Row("problems that check_integrity finds", str(done.problems), aim="0")
    yield Row("begun, once or again", f"{done.begun}", f"{jobs} jobs", f"{done.begun / jobs:.3f}")
    yield Row("jobs a second, kills included", f"{jobs / done.seconds:.1f}")


def measured(jobs: int, kill_every: float) -> Done:
    """On the services of the environment. In a process of its own."""
    with fresh_home() as home:
        folder = home / "jobs"
        folder.mkdir()
        write_notes(folder, jobs)
        listen()
        queue(folder)
        started = time.monotonic()
        with running_workers(WORKERS, home / "workers.log") as workers:
            kills = kill_until_done(workers, kill_every)
        seconds = time.monotonic() - started
        return counted(jobs, kills, seconds)


def write_notes(folder: Path, count: int) -> None:
    """The smallest documents there are: no two are alike."""
    source = random.Random(7)
    for number in range(count):
        (folder / f"note-{number:05}.txt").write_text(f"Note {number}. {sentence(source)}\n")


def listen() -> None:
    """A webhook that is told of each version that is ready. Nobody answers there, and no host of
    this machine is allowed: its rows are what counts."""
    from docportal.models import User
    from ingestion.models import Event, Webhook

    owner = User.objects.create_user("listener")
    Webhook.objects.create(owner=owner, url=NOWHERE, events=Event.READY, salt="0" * 64)


def kill_until_done(workers: Workers, every: float) -> int:
    """How often all workers were killed, so many seconds after they had begun to finish jobs.
    Returns also when nothing moves any more."""
    kills = 0
    while left := unfinished():
        if not wait_until_fewer(left, STUCK_SECONDS) or wait_until_fewer(1, every):
            break
        workers.kill()
        workers.start()
        kills += 1
    return kills


def counted(jobs: int, kills: int, seconds: float) -> Done:
    from django.db.models import Count, Sum

    from docportal.integrity_checks import check
    from ingestion.models import Delivery, DocumentVersion, Event

    versions = DocumentVersion.objects.all()
    ready = versions.filter(state=DocumentVersion.State.READY).count()
    failed = versions.filter(state=DocumentVersion.State.FAILED).count()
    told = Delivery.objects.filter(event=Event.READY).values("facts__document", "facts__version")
    return Done(
        jobs=ready + failed,
        lost=jobs - ready - failed,
        failed=failed,
        doubled=told.annotate(times=Count("pk")).filter(times__gt=1).count(),
        problems=len(check().problems),
        kills=kills,
        begun=versions.aggregate(begun=Sum("attempts"))["begun"],
        seconds=seconds,
    )
