"""The worker that `up` starts for training: it takes runs by itself, and ends in good order."""

import contextlib
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from docportal.management.commands.up import services
from tests.installations import NewHome

SETUP = """
    import django
    django.setup()
    from ingestion.models import Collection
    from tests.training.datasets.pairs import NAMES, teach
    from training import runs
    from training.models import TrainingRun
    wiki, _ = Collection.objects.get_or_create(slug="wiki", defaults={"name": "Wiki"})
"""
REQUEST = "runs.request(collections=[wiki], by=None)"
TEACH = "teach(wiki, *[f'berth-{number}' for number in range(40)])"
AWAIT = """
    import time
    while (run := TrainingRun.objects.latest("pk")).state == "{state}" {more}:
        time.sleep(0.2)
    print(run.state, run.failure_id, run.attempts, run.step > 0)
"""


pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def environment(new_home: NewHome, tmp_path: Path, tiny_llama: Path) -> dict[str, str]:
    return new_home(tmp_path, MODELS_DIR=str(tiny_llama.parent), BASE_MODEL=tiny_llama.name)


@pytest.fixture
def worker(environment: dict[str, str]) -> Iterator[psutil.Popen]:
    (service,) = (each for each in services("127.0.0.1", 0) if each.name == "trainer")
    process = psutil.Popen(list(service.command), env=environment)
    yield process
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def do(environment: dict[str, str], *bodies: str) -> str:
    program = "\n".join(textwrap.dedent(body) for body in (SETUP, *bodies))
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_requested_run_is_taken_by_itself(
    environment: dict[str, str], worker: psutil.Popen
) -> None:
    do(environment, REQUEST)
    ended = do(environment, AWAIT.format(state="queued", more="or not run.ended_at"))
    assert ended == "failed no-pairs 1 False"


def test_worker_that_is_asked_to_end_leaves_its_run_with_a_checkpoint(
    environment: dict[str, str], worker: psutil.Popen, tmp_path: Path
) -> None:
    do(environment, TEACH, REQUEST)
    do(environment, AWAIT.format(state="queued", more="or not run.step"))
    children = worker.children(recursive=True)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert children
    assert not any(child.is_running() for child in children)
    left = do(environment, AWAIT.format(state="none", more=""))
    assert left == "running  0 True"
    assert list((tmp_path / "runs" / "0001" / "checkpoints").glob("*/manifest.json"))
