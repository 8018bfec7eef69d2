"""The beat that `up` has inside its worker."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from docportal.celery import app
from docportal.management.commands.up import services
from docportal.schedule import SCHEDULE
from tests.installations import NewHome
from tests.waiting import until


@pytest.fixture
def worker(new_home: NewHome, tmp_path: Path) -> Iterator[psutil.Popen]:
    (service,) = (each for each in services("127.0.0.1", 0) if each.name == "worker")
    process = psutil.Popen(list(service.command), env=new_home(tmp_path))
    yield process
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def test_it_ends_with_a_worker_that_is_killed(worker: psutil.Popen) -> None:
    until(lambda: beats(worker))
    running = beats(worker)
    worker.kill()
    worker.wait()
    _gone, alive = psutil.wait_procs(running, timeout=60)
    for one in alive:
        one.kill()
    assert alive == []


ORPHANED = """
import os, time
import django
django.setup()
from docportal import workers
worker = os.getpid()
if os.fork() == 0:
    while os.getppid() == worker:
        time.sleep(0.01)
    workers.end_with_its_worker()
    print("It goes on.", flush=True)
"""


def test_it_ends_where_its_worker_was_killed_before_it_had_started() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "docportal.settings"}
    # Both hold the pipe, so that this waits for the beat as well.
    said = subprocess.run(
        [sys.executable, "-c", ORPHANED], env=environment, check=True, stdout=subprocess.PIPE
    )
    assert said.stdout == b""


def beats(worker: psutil.Popen) -> list[psutil.Process]:
    """It is forked, so that its command is its worker's."""
    return [child for child in worker.children() if "--beat" in child.cmdline()]


def test_no_message_outlives_the_one_that_follows_it() -> None:
    app.loader.import_default_modules()
    lasting = [
        job["task"]
        for job in SCHEDULE.values()
        if isinstance(job["schedule"], float)
        and not job.get("options", {}).get("expires")
        and not app.tasks[job["task"]].expires
    ]
    assert lasting == []
