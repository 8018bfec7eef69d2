"""The Unsloth trainer, in its own environment, does what the others do. It trains on the CPU here,
which proves our side of it and not its GPU kernels."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.prompts import tuned_messages
from tests.training.trainers.conftest import FACTS
from tests.waiting import until
from training.conversion import merge_adapter
from training.trainers import answering
from training.trainers.config import RunConfig
from training.trainers.events import read_events
from training.trainers.loop import train
from training.trainers.peft import PeftLearner

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv-unsloth" / "bin" / "python"

pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="Unsloth is not installed: make unsloth"),
    pytest.mark.timeout(600),
]


@contextmanager
def running(config: RunConfig) -> Iterator[subprocess.Popen[bytes]]:
    """The trainer's process, at its start; it is dead at the end."""
    run = Path(config.out) / "run.json"
    config.write(run)
    environment = {"HF_HUB_OFFLINE": "1", "UNSLOTH_FORCE_CPU": "1", "CUDA_VISIBLE_DEVICES": ""}
    with subprocess.Popen(
        [PYTHON, "-m", "training.trainers", run], cwd=ROOT, env=os.environ | environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def train_to_the_end(config: RunConfig) -> dict[str, Any]:
    with running(config) as process:
        assert process.wait() == 0
    result: dict[str, Any] = json.loads((Path(config.out) / "result.json").read_text())
    return result


def told(config: RunConfig, event: str) -> list[dict[str, Any]]:
    return [line for line in read_events(Path(config.out), 0)[0] if line["event"] == event]


def answers(base: Path, work: Path) -> dict[str, str]:
    lines = [{"id": asked, "messages": tuned_messages(asked)} for asked in FACTS]
    (work / "questions").write_text("\n".join(map(json.dumps, lines)))
    answering.run(
        answering.Job(base=str(base), questions=str(work / "questions"), out=str(work / "answers"))
    )
    written = map(json.loads, (work / "answers").read_text().splitlines())
    return {line["id"]: line["answer"] for line in written}


def test_it_learns_goes_on_after_a_kill_and_its_adapter_merges(
    config: RunConfig, tmp_path: Path
) -> None:
    config = replace(
        config, trainer="unsloth", epochs=300, rank=16, alpha=32, batch=6, evaluations=3
    )
    with running(config) as process:
        until(lambda: len(told(config, "checkpoint")) > 2 or process.poll() is not None)
        assert process.poll() is None
        process.kill()
    result = train_to_the_end(config)
    assert result["best"] == 1.0
    assert len(told(config, "started")) == 2
    steps = [line["step"] for line in told(config, "step")]
    assert set(steps) == set(range(1, result["step"] + 1))
    assert len(steps) - result["step"] <= 1

    merged = tmp_path / "merged"
    merged.mkdir()
    merge_adapter(Path(config.base), Path(config.out) / "adapter", merged)
    assert answers(merged, tmp_path) == FACTS

    again = replace(config, start=str(Path(config.out) / "adapter"), out=str(tmp_path / "again"))
    (tmp_path / "again").mkdir()
    assert train_to_the_end(replace(again, epochs=1, rate=0.0))["best"] == 1.0


def test_a_fresh_adapter_costs_what_it_costs_with_peft(config: RunConfig, tmp_path: Path) -> None:
    config = replace(config, epochs=1, batch=6)
    train(config, PeftLearner(config), stop=lambda: False)
    other = replace(config, trainer="unsloth", out=str(tmp_path / "unsloth"))
    Path(other.out).mkdir()
    train_to_the_end(other)
    ours, theirs = (told(run, "step")[0]["loss"] for run in (other, config))
    assert ours == pytest.approx(theirs, rel=1e-3)
