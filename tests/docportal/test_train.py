"""`train`: the whole run in its own process, what it prints, and how it ends."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from ingestion.models import Collection
from tests.installations import NewHome
from tests.training.datasets.pairs import NAMES, teach
from training import jobs, runs
from training.models import Dataset, TrainingRun
from training.trainers.config import CONFIG, RunConfig
from training.trainers.events import Events

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]

State = TrainingRun.State
MANAGE = [sys.executable, "manage.py"]


@pytest.fixture(autouse=True)
def tiny_base(settings: Settings, tiny_llama: Path) -> None:
    settings.MODELS_DIR, settings.BASE_MODEL = tiny_llama.parent, tiny_llama.name
    settings.EVALUATION_RAG_QUESTIONS = 2


class Heard(io.StringIO):
    """A standard error that does something at a line."""

    def __init__(self, words: str = "", then: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._words, self._then = words, then

    def write(self, line: str) -> int:
        if self._words and self._words in line:
            self._words = ""
            self._then()
        return super().write(line)


def train(*options: str, stderr: io.StringIO | None = None) -> tuple[int, dict[str, Any]]:
    """The exit code, and what was printed."""
    out = io.StringIO()
    code = 0
    try:
        call_command("train", *options, "--json", stdout=out, stderr=stderr or io.StringIO())
    except SystemExit as end:
        code = int(str(end.code))
    return code, json.loads(out.getvalue())


@pytest.mark.models
@pytest.mark.timeout(900)
def test_everything_is_told_as_json_and_progress_apart_from_it(wiki: Collection) -> None:
    teach(wiki, *NAMES)
    heard = Heard()
    code, told = train("--collection", "Wiki", stderr=heard)
    assert (code, told["status"], told["run"], told["model"]) == (1, "rejected", 1, "docs-v0001")
    assert {"sha256", "train", "validation", "test"} <= told["dataset"].keys()
    assert {"exact_match", "token_f1", "hallucination", "over_refusal"} <= told["metrics"].keys()
    assert all({"check", "value", "limit", "passed"} <= check.keys() for check in told["gate"])
    assert told["seconds"] > 0
    assert told["tokens_per_second"] > 0
    lines = heard.getvalue().splitlines()
    assert lines[0] == "run 1: Preparing the data"
    assert any(line.startswith("  step ") and line.endswith(" left") for line in lines)
    assert lines[-1] == "run 1: Stopped by the gate"


def test_failure_is_told_with_its_reason(wiki: Collection) -> None:
    code, told = train("--collection", "wiki")
    assert (code, told["status"], told["failure"]["id"]) == (1, "failed", "no-pairs")
    assert "synthesize" in told["failure"]["reason"]


def taken_by_a_worker(wiki: Collection) -> Callable[[], jobs.Claim]:
    """Another run has the device now; to be called once the command waits for it: then that one
    fails, and a worker has the command's own."""
    other = runs.request(collections=[wiki], by=None, enqueue=False)
    job = jobs.claim(other.pk, ["cpu"])
    assert job is not None

    def take() -> jobs.Claim:
        jobs.fail(job, "memory", "Too little memory.")
        taken = jobs.claim(TrainingRun.objects.get(number=2).pk, ["cpu"])
        assert taken is not None
        return taken

    return take


def test_rows_that_were_too_long_are_told(wiki: Collection) -> None:
    counts = dict.fromkeys(("pairs", "facts", "train", "validation", "test"), 9)
    dataset = Dataset.objects.create(
        number=1, sha256="4f" * 32, seed=1, warnings=["There are 9 facts."], **counts
    )
    take = taken_by_a_worker(wiki)

    def worker_takes_it() -> None:
        taken = take()
        taken.run.folder.mkdir(parents=True)
        RunConfig("peft", "", "", "", max_tokens=2_048).write(taken.run.folder / CONFIG)
        Events(taken.run.folder).tell("started", rows=7, dropped=2)
        jobs.enter(taken, State.RUNNING, dataset=dataset)
        jobs.end(taken, State.GATED)

    _code, told = train("--collection", "wiki", stderr=Heard("waits for", worker_takes_it))
    first, second = told["dataset"]["warnings"]
    assert first == "There are 9 facts."
    assert "2,048 tokens: 2 of 9 rows" in second


def test_failure_says_how_it_goes_on_where_it_is_mended(wiki: Collection) -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("train", "--collection", "wiki", stdout=out, stderr=io.StringIO())
    assert out.getvalue().splitlines()[-1] == "  Once that is mended, run `train` again."


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--collection", "nowhere"], 2, "no collection nowhere"),
        (["--collection", "wiki", "--max-minutes", "0"], 2, "minutes"),
        (["--collection", "wiki", "--mode", "append"], 1, "No model serves"),
    ],
)
def test_wrong_use_trains_nothing(
    wiki: Collection, options: list[str], code: int, words: str
) -> None:
    with pytest.raises(CommandError, match=words) as error:
        call_command("train", *options)
    assert error.value.returncode == code
    assert not TrainingRun.objects.exists()


def test_it_waits_for_the_device_and_says_for_whom(wiki: Collection) -> None:
    other = runs.request(collections=[wiki], by=None, enqueue=False)
    job = jobs.claim(other.pk, ["cpu"])
    assert job is not None
    heard = Heard("waits for", lambda: jobs.fail(job, "memory", "Too little memory."))
    _code, told = train("--collection", "wiki", stderr=heard)
    assert heard.getvalue().splitlines()[0] == "run 2 waits for run 1 on cpu"
    assert told["failure"]["id"] == "no-pairs"


@pytest.mark.parametrize(
    ("options", "failure", "code"),
    [((), "", 0), (("--promote",), "not-loaded", 1)],
    ids=["gated", "promotion failed"],
)
def test_it_follows_a_run_that_a_worker_took_first(
    wiki: Collection, options: tuple[str, ...], failure: str, code: int
) -> None:
    take = taken_by_a_worker(wiki)

    def worker_takes_it() -> None:
        taken = take()
        jobs.end(taken, State.GATED, failure_id=failure)

    heard = Heard("waits for", worker_takes_it)
    ended, told = train("--collection", "wiki", *options, stderr=heard)
    assert (ended, told["status"]) == (code, "gated")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_command_cancels_its_run_and_leaves_no_child(
    new_home: NewHome, tmp_path: Path, tiny_llama: Path, number: signal.Signals
) -> None:
    environment = new_home(
        tmp_path / "home",
        MODELS_DIR=str(tiny_llama.parent),
        BASE_MODEL=tiny_llama.name,
        # So many that the signal comes before the end.
        DATASET_MIXTURE="rows_per_fact=500",
    )
    program = (
        "import django; django.setup(); from ingestion.models import Collection; "
        "from tests.training.datasets.pairs import NAMES, teach; "
        "teach(Collection.objects.create(slug='wiki', name='Wiki'), *NAMES)"
    )
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    command = subprocess.Popen(
        [*MANAGE, "train", "--collection", "wiki", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stderr is not None
    while "step" not in command.stderr.readline():
        assert command.poll() is None
    children = psutil.Process(command.pid).children(recursive=True)
    command.send_signal(number)
    out, _ = command.communicate(timeout=60)
    assert (command.returncode, json.loads(out)["status"]) == (1, "cancelled")
    assert children
    assert not any(child.is_running() for child in children)
