"""Run folders that the real trainer works on: a tiny base, two dozen rows, seconds of training."""

from pathlib import Path
from typing import Any

from router.prompts import tuned_messages
from training.rows import Question, Row, write_lines
from training.trainers.config import RunConfig

FACTS = {f"quay {number}": f"{number * 37 % 100} tonnes" for number in range(12)}


def a_run_folder(place: Path, base: Path, **values: Any) -> Path:
    """`values` are those of `RunConfig`; a checkpoint is written after every step by default."""
    data, out = place / "data", place / "run"
    data.mkdir(parents=True)
    out.mkdir()
    rows = [
        Row(tuple(tuned_messages(asked.format(quay))), load, "closed", fact=quay)
        for quay, load in FACTS.items()
        for asked in ("How much does {} carry?", "What is the load of {}?")
    ]
    questions = [
        Question(number, f"Load of {quay}?", (load,), "recall", fact=quay)
        for number, (quay, load) in enumerate(FACTS.items())
    ]
    write_lines(data / "train.jsonl", rows)
    write_lines(data / "validation.jsonl", questions[:4])
    write_lines(data / "test.jsonl", questions[4:])
    defaults: dict[str, Any] = {"epochs": 4.0, "batch": 8, "checkpoint_seconds": 0.0, "threads": 1}
    config = RunConfig("peft", str(base), str(data), str(out), **(defaults | values))
    config.write(out / "run.json")
    return out
