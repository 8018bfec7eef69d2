"""A worker that is killed in the middle of a run loses nothing: the next one goes on."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

SETUP = """
    import json
    import django
    django.setup()
    from django.utils import timezone
    from ingestion.models import Collection
    from router.models import ModelVersion
    from tests.training.datasets.pairs import NAMES, teach
    from training import pipeline, runs
    from training.models import TrainingRun
    from training.trainers.events import read_events
"""
# Requests a run and works on it, telling its state at each step.
WORKER = """
    wiki = Collection.objects.create(slug="wiki", name="Wiki")
    teach(wiki, *NAMES)
    run = runs.request(collections=[wiki], by=None, enqueue=False)

    def tell(run):
        row = TrainingRun.objects.get(pk=run.pk)
        events = [event["event"] for event in read_events(run.folder, 0)[0]]
        print(row.state, "checkpoint" if "checkpoint" in events else "", flush=True)

    print("requested", flush=True)
    pipeline.advance(run.pk, tell=tell)
"""
# What must hold after the kill, and then that the work goes on to its end.
RECOVERY = """
    run = TrainingRun.objects.get()
    assert run.lease_until > timezone.now() or run.state == "queued"
    reached, steps = run.state, run.step
    TrainingRun.objects.update(lease_until=timezone.now())
    pipeline.advance_all()
    run.refresh_from_db()
    assert (run.state, run.failure_reason) == ("rejected", ""), (run.state, run.failure_reason)
    points = list(run.points.values_list("step", flat=True))
    assert points == list(range(1, run.step + 1))
    assert run.step >= steps
    assert run.evaluations.count() == 1
    assert list(ModelVersion.objects.all()) == [run.model]
    told = [event for event in read_events(run.folder, 0)[0] if event["event"] == "started"]
    print(json.dumps({"reached": reached, "starts": len(told)}))
"""


def program(body: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(SETUP) + textwrap.dedent(body)]


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("moment", "starts"), [("preparing", 1), ("running checkpoint", 2), ("evaluating", 1)]
)
def test_next_worker_goes_on_where_the_killed_one_was(
    tmp_path: Path, tiny_llama: Path, moment: str, starts: int
) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "DOCPORTAL_HOME": str(tmp_path),
        "MODELS_DIR": str(tiny_llama.parent),
        "BASE_MODEL": tiny_llama.name,
        "EVALUATION_RAG_QUESTIONS": "0",
    }
    manage = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(manage, env=environment, check=True)
    worker = subprocess.Popen(program(WORKER), env=environment, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    while not worker.stdout.readline().startswith(moment):
        assert worker.poll() is None
    children = psutil.Process(worker.pid).children(recursive=True)
    worker.kill()
    worker.communicate()
    _gone, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    recovery = subprocess.run(
        program(RECOVERY), env=environment, capture_output=True, text=True, check=False
    )
    assert recovery.returncode == 0, recovery.stderr
    reached = moment.split()[0]
    assert recovery.stdout == f'{{"reached": "{reached}", "starts": {starts}}}\n'
