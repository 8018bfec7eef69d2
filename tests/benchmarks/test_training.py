import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.training import config_for, ours
from benchmarks.training_data import write_facts


@pytest.mark.models
def test_seconds_of_our_loop_are_all_that_it_takes(tiny_llama: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "run"
    write_facts(data, services=1, phrasings=2)
    config = config_for(data, out, epochs=1.0, evaluations=0, checkpoint_seconds=0.0, batch=2)
    told = ours(replace(config, base=str(tiny_llama)))
    in_updates = json.loads((out / "result.json").read_text())["seconds"]
    # With the checkpoints between them.
    assert told["seconds"] > 1.1 * in_updates
