"""Workers of the queue as production runs them, each a process that a benchmark may kill, beside
`celery beat` and one embedding server."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.web import ROOT
from router import tether

CELERY = [sys.executable, "-m", "celery", "-A", "docportal"]
# As in compose.yaml.
WORKER = [
    *("worker", "--queues", "celery", "--pool", "threads", "--concurrency", "2"),
    *("--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"),
]
POLL_SECONDS = 0.5


@dataclass(slots=True)
class Workers:
    """`environment` are the variables that they are started with; `log` takes what they say."""

    count: int
    environment: dict[str, str]
    log: Path
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self) -> None:
        self.processes = [
            self.spawn([*WORKER, "--hostname", f"worker-{number}@%h"])
            for number in range(self.count)
        ]

    def kill(self) -> None:
        """All at the same moment, in the middle of whatever they do."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()

    def spawn(self, command: list[str]) -> "subprocess.Popen[bytes]":
        """It ends with this process, however that ends."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, tether.__file__, str(os.getpid()), *CELERY, *command],
                cwd=ROOT,
                env=os.environ | self.environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )


@contextmanager
def running_workers(count: int, log: Path) -> Iterator[Workers]:
    """Nothing of it runs any more afterwards."""
    from router.serving import embedded_servers, embeddings_url

    with embedded_servers(embeddings=True):
        workers = Workers(count, {"EMBEDDINGS_URL": embeddings_url() or ""}, log)
        beat = workers.spawn(["beat", "--loglevel", "WARNING"])
        workers.start()
        try:
            yield workers
        finally:
            beat.kill()
            beat.wait()
            workers.kill()


# --- Jobs ----------------------------------------------------------------------------------------
def queue(folder: Path) -> int:
    """Keep each file as a document, which is a job that waits, and send its message; how many."""
    from ingestion import services
    from ingestion.models import Collection

    collection = Collection.objects.create(slug="jobs", name="Jobs")
    files = sorted(folder.iterdir())
    for file in files:
        with file.open("rb") as content:
            services.add_version(
                collection=collection, path=file.name, content=content, author=None
            )
    return len(files)


def unfinished() -> int:
    from ingestion.jobs import UNFINISHED
    from ingestion.models import DocumentVersion

    return DocumentVersion.objects.filter(state__in=UNFINISHED).count()


def wait_until_fewer(most: int, seconds: float) -> bool:
    """Until fewer than `most` jobs are unfinished; whether that came within `seconds`."""
    deadline = time.monotonic() + seconds
    while unfinished() >= most:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


# --- Who uses the processor ----------------------------------------------------------------------
def processor_seconds() -> dict[str, float]:
    """Used until now by this process's children, by what they are, and by all of PostgreSQL."""
    used = {"embedding server": 0.0, "workers": 0.0, "PostgreSQL": 0.0}
    database = [one for one in psutil.process_iter(["name"]) if one.info["name"] == "postgres"]
    for process in (*psutil.Process().children(recursive=True), *database):
        with contextlib.suppress(psutil.Error):
            # With those of children that have ended: each file is read by one of its own.
            used[_kind(process)] += sum(process.cpu_times()[:4])
    return used


def _kind(process: psutil.Process) -> str:
    """By its command; what reads files is a part of its worker."""
    if process.name() == "postgres":
        return "PostgreSQL"
    is_server = "router.retrieval.embedding_server" in process.cmdline()
    return "embedding server" if is_server else "workers"
