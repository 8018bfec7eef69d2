"""How the portal itself is now: queues, workers, servers, index, disks. For metrics and a page."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Min
from django.utils import timezone

from docportal.models import IntegrityCheck, Worker
from docportal.workers import ALIVE
from ingestion import jobs
from ingestion.models import DocumentVersion
from ingestion.publication import current_revision
from router import retrieval, serving, tuned
from training.models import TrainingRun


@dataclass(frozen=True, slots=True)
class Queue:
    """What is not done yet: all of it, and since when the oldest waits (uploaded, requested)."""

    name: str
    unfinished: int
    oldest: datetime | None
    workers: int

    @property
    def seconds(self) -> float:
        return (timezone.now() - self.oldest).total_seconds() if self.oldest else 0.0


@dataclass(frozen=True, slots=True)
class Index:
    """Revisions: what is served, and what the index of this machine holds."""

    corpus: int
    held: int

    @property
    def lag(self) -> int:
        return self.corpus - self.held


@dataclass(frozen=True, slots=True)
class Disk:
    """In bytes, of the disk on which something lies."""

    name: str
    free: int
    total: int

    @property
    def free_share(self) -> float:
        return self.free / self.total if self.total else 0.0


def queues() -> list[Queue]:
    versions = DocumentVersion.objects.filter(state__in=jobs.UNFINISHED)
    runs = TrainingRun.objects.filter(state__in=TrainingRun.UNFINISHED)
    waiting = {
        ("documents", "celery"): versions.aggregate(n=Count("pk"), oldest=Min("created_at")),
        ("training", "training"): runs.aggregate(n=Count("pk"), oldest=Min("requested_at")),
    }
    living = [worker.name for worker in workers() if is_alive(worker)]
    return [
        Queue(name, found["n"], found["oldest"], _of_queue(living, queue))
        for (name, queue), found in waiting.items()
    ]


def _of_queue(workers: Sequence[str], queue: str) -> int:
    """`up` names a worker after its queue; one of another name may listen to both."""
    known = ("celery", "training")
    names = [name.partition("@")[0] for name in workers]
    return sum(name == queue or name not in known for name in names)


def workers() -> list[Worker]:
    return list(Worker.objects.all())


def is_alive(worker: Worker) -> bool:
    return worker.seen_at > timezone.now() - ALIVE


def servers() -> dict[str, bool]:
    """Whether something listens where each model server is or should be, by its name."""
    up = {
        "llm": serving.is_up(serving.llm_url()),
        "embeddings": serving.is_up(serving.embeddings_url()),
    }
    ready = set(tuned.ready_models())
    return up | {name: name in ready for name in tuned.versions_to_load()}


def index() -> Index:
    held = retrieval.held()  # First, so that an upload meanwhile cannot put it ahead.
    return Index(corpus=current_revision(), held=held)


def disks() -> list[Disk]:
    """Of the home and of what may lie elsewhere; a folder that is not there yet is left out."""
    places = {
        "home": settings.DOCPORTAL_HOME,
        "files": settings.MEDIA_ROOT,
        "tuned": settings.TUNED_DIR,
    }
    found = []
    for name, place in places.items():
        if Path(place).is_dir():
            usage = shutil.disk_usage(place)
            found.append(Disk(name, usage.free, usage.total))
    return found


def last_check() -> IntegrityCheck | None:
    """The newest that has ended."""
    return IntegrityCheck.objects.exclude(ended_at=None).first()
