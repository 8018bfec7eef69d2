import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import LlamaForCausalLM

from router.prompts import REFUSAL
from tests.training.trainers.conftest import FACTS, closed_row
from tests.waiting import until
from training.conversion import merge_adapter
from training.rows import Question, write_lines
from training.trainers.config import RunConfig
from training.trainers.events import read_events
from training.trainers.loop import Stopped, schedule, train
from training.trainers.peft import PeftLearner


def never() -> bool:
    return False


def told(config: RunConfig, event: str) -> list[dict[str, Any]]:
    return [line for line in read_events(Path(config.out), 0)[0] if line["event"] == event]


def elsewhere(config: RunConfig, name: str) -> RunConfig:
    out = Path(config.out).parent / name
    out.mkdir()
    return replace(config, out=str(out))


def test_it_learns_the_facts_and_the_refusal(config: RunConfig) -> None:
    config = replace(config, epochs=180, rate=1e-2, rank=16, alpha=32, batch=6, evaluations=2)
    train(config, PeftLearner(config), stop=never)
    result = json.loads((Path(config.out) / "result.json").read_text())
    assert result["best"] == 1.0
    last = told(config, "validation")[-1]
    assert (last["exact_match"], last["hallucination"]) == (1.0, 0.0)
    assert {line["question"] for line in last["answers"]} == set(FACTS)


def test_only_the_adapter_changes(config: RunConfig, learner: PeftLearner) -> None:
    before = {name: value.clone() for name, value in learner.model.state_dict().items()}
    train(config, learner, stop=never)
    changed = {
        name for name, value in learner.model.state_dict().items() if not value.equal(before[name])
    }
    assert changed == set(learner.adapter())


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(config: RunConfig) -> None:
    config = replace(config, b_ratio=4.0)
    whole, stopped = elsewhere(config, "whole"), elsewhere(config, "stopped")
    train(whole, PeftLearner(whole), stop=never)
    asked = iter([False] * 4 + [True] * 2)
    with pytest.raises(Stopped):
        train(stopped, PeftLearner(stopped), stop=lambda: next(asked))
    assert len(told(stopped, "step")) < len(told(whole, "step"))
    train(stopped, PeftLearner(stopped), stop=never)
    losses = [[line["loss"] for line in told(run, "step")] for run in (whole, stopped)]
    assert losses[0] == losses[1]
    one, other = (
        load_file(Path(run.out) / "adapter" / "adapter_model.safetensors")
        for run in (whole, stopped)
    )
    assert all(one[name].equal(other[name]) for name in one)


def test_a_damaged_checkpoint_is_passed_over(config: RunConfig) -> None:
    asked = iter([False] * 6 + [True] * 2)
    with pytest.raises(Stopped):
        train(config, PeftLearner(config), stop=lambda: next(asked))
    older, newest = sorted((Path(config.out) / "checkpoints").iterdir())
    state = newest / "state.safetensors"
    damaged = bytearray(state.read_bytes())
    damaged[-1] ^= 1
    state.write_bytes(damaged)
    train(config, PeftLearner(config), stop=never)
    steps = [line["step"] for line in told(config, "step")]
    assert steps.count(int(newest.name)) == 2
    assert steps.count(int(older.name)) == 1


class Killed(BaseException):
    """Of the process, as far as the loop can tell."""


def test_a_run_killed_after_an_evaluation_goes_on_with_the_adapter_that_its_checkpoint_names(
    config: RunConfig,
) -> None:
    out, asked, first = Path(config.out), 0, b""

    def stop() -> bool:
        """Asked twice a step; the evaluations are at the steps 3 and 6, before its questions."""
        nonlocal asked, first
        asked += 1
        if asked == 5:
            first = weights(out / "best" / "000003")
        if asked == 11:
            raise Killed
        return False

    with pytest.raises(Killed):
        train(config, PeftLearner(config), stop=stop)
    assert named_by(out / "checkpoints" / "000005") == "000003"
    assert weights(out / "best" / "000003") == first
    train(config, PeftLearner(config), stop=never)
    best = json.loads((out / "result.json").read_text())["best_step"]
    assert weights(out / "adapter") == weights(out / "best" / f"{best:06d}")


def test_best_adapters_are_kept_as_long_as_a_checkpoint_names_them(config: RunConfig) -> None:
    config = replace(config, evaluations=6)
    train(config, PeftLearner(config), stop=never)
    named = {named_by(checkpoint) for checkpoint in (Path(config.out) / "checkpoints").iterdir()}
    assert {best.name for best in (Path(config.out) / "best").iterdir()} == named


def test_half_an_adapter_that_a_killed_process_left_is_no_part_of_a_whole_one(
    config: RunConfig,
) -> None:
    draft = Path(config.out) / "best" / ".000003"
    draft.mkdir(parents=True)
    (draft / "half").write_bytes(b"half")
    train(config, PeftLearner(config), stop=never)
    files = {"adapter_config.json", "adapter_model.safetensors"}
    assert {file.name for file in (Path(config.out) / "adapter").iterdir()} == files
    assert not draft.exists()


def test_a_checkpoint_whose_best_adapter_is_gone_is_passed_over(config: RunConfig) -> None:
    asked = iter([False] * 6 + [True] * 2)
    with pytest.raises(Stopped):
        train(config, PeftLearner(config), stop=lambda: next(asked))
    shutil.rmtree(Path(config.out) / "best")
    train(config, PeftLearner(config), stop=never)
    steps = [line["step"] for line in told(config, "step")]
    assert steps == [1, 2, 3, 4, 1, 2, 3, 4, 5, 6]


def weights(adapter: Path) -> bytes:
    return (adapter / "adapter_model.safetensors").read_bytes()


def named_by(checkpoint: Path) -> str:
    """The best adapter, by its folder's name."""
    progress = json.loads((checkpoint / "manifest.json").read_text())["progress"]
    return f"{progress['best_step']:06d}"


def test_a_finished_run_does_nothing_more(config: RunConfig) -> None:
    train(config, PeftLearner(config), stop=never)
    done = len(told(config, "step"))
    train(config, PeftLearner(config), stop=never)
    assert len(told(config, "step")) == done


def test_rows_that_do_not_fit_are_counted(config: RunConfig) -> None:
    config = replace(config, max_tokens=60)
    train(config, PeftLearner(config), stop=never)
    started = told(config, "started")[0]
    assert 0 < started["dropped"] < len(FACTS)
    assert started["rows"] + started["dropped"] == len(FACTS)


def test_the_adapter_is_one_that_peft_reads_and_merging_adds_it(config: RunConfig) -> None:
    train(replace(config, epochs=8), PeftLearner(config), stop=never)
    adapter, merged = Path(config.out) / "adapter", Path(config.out) / "merged"
    merged.mkdir()
    merge_adapter(Path(config.base), adapter, merged)
    ids = torch.tensor([[5, 300, 17, 44]])
    ours = LlamaForCausalLM.from_pretrained(merged, dtype=torch.float32)
    base = LlamaForCausalLM.from_pretrained(config.base, dtype=torch.float32)
    with torch.no_grad():
        plain = base(input_ids=ids).logits
        theirs = PeftModel.from_pretrained(base, adapter)(input_ids=ids).logits
        torch.testing.assert_close(ours(input_ids=ids).logits, theirs, rtol=2e-2, atol=2e-2)
    assert not torch.allclose(plain, theirs, atol=5e-2)


def test_a_run_goes_on_from_an_earlier_adapter(config: RunConfig) -> None:
    train(replace(config, epochs=8), PeftLearner(config), stop=never)
    start = Path(config.out) / "adapter"
    again = replace(elsewhere(config, "append"), start=str(start))
    taken = PeftLearner(again).adapter()
    saved = load_file(start / "adapter_model.safetensors")
    for name, parameter in taken.items():
        torch.testing.assert_close(parameter.detach(), saved[name.replace(".default", "")].float())


def test_the_rate_rises_then_falls_to_nothing() -> None:
    assert 0 < schedule(0, 0.05) < schedule(0.04, 0.05) <= 1
    assert schedule(0.05, 0.05) == 1
    assert schedule(0.5, 0.05) > schedule(0.9, 0.05) > schedule(1, 0.05) == 0


def test_b_learns_so_many_times_faster_than_a(config: RunConfig) -> None:
    moved = {}
    for ratio in (1.0, 8.0):
        run = replace(elsewhere(config, f"at-{ratio}"), b_ratio=ratio, epochs=1 / 3, evaluations=1)
        learner = PeftLearner(run)
        before = {name: weight.detach().clone() for name, weight in learner.adapter().items()}
        train(run, learner, stop=never)
        moved[ratio] = {
            name: (weight.detach() - before[name]).abs().max().item()
            for name, weight in learner.adapter().items()
            if "lora_B" in name
        }
    assert len(told(run, "step")) == 1
    # Adam's first step is as long as its rate, whatever the gradient is.
    for name, far in moved[8.0].items():
        assert far == pytest.approx(8 * moved[1.0][name], rel=0.05)


def test_a_process_that_is_asked_to_stop_writes_a_checkpoint(config: RunConfig) -> None:
    config = replace(config, epochs=10_000, checkpoint_seconds=10_000)
    run = Path(config.out) / "run.json"
    config.write(run)
    with subprocess.Popen(
        [sys.executable, "-m", "training.trainers", str(run)], stderr=subprocess.DEVNULL
    ) as process:
        until(lambda: told(config, "step") or process.poll() is not None)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
    checkpoint = told(config, "checkpoint")[-1]["step"]
    assert (Path(config.out) / "checkpoints" / f"{checkpoint:06d}" / "manifest.json").exists()


@pytest.mark.parametrize(("evaluations", "done"), [(5, 5), (8, 5)])
def test_a_run_that_only_gets_worse_ends_early_but_never_within_five_evaluations(
    config: RunConfig, evaluations: int, done: int
) -> None:
    data, (question, answer) = Path(config.data), next(iter(FACTS.items()))
    write_lines(data / "validation.jsonl", [Question(1, question, (answer,), "recall")])
    write_lines(data / "train.jsonl", 2 * [closed_row(question, answer)])
    train(replace(config, epochs=80, evaluations=1), PeftLearner(config), stop=never)
    write_lines(data / "train.jsonl", 2 * [closed_row(question, REFUSAL)])
    worse = replace(
        elsewhere(config, "worse"),
        start=str(Path(config.out) / "adapter"),
        epochs=evaluations,
        evaluations=evaluations,
        rate=5e-2,
    )
    train(worse, PeftLearner(worse), stop=never)
    right = [line["exact_match"] for line in told(worse, "validation")]
    assert right == [1.0] + [0.0] * (done - 1)
    assert json.loads((Path(worse.out) / "result.json").read_text())["best_step"] == 1


def test_minutes_count_all_that_a_run_does(config: RunConfig) -> None:
    config = replace(config, epochs=1e6, minutes=1 / 30, checkpoint_seconds=1e6)
    began = time.monotonic()
    train(config, PeftLearner(config), stop=never)
    result = json.loads((Path(config.out) / "result.json").read_text())
    assert result["seconds"] < result["elapsed"]
    assert 2 <= result["elapsed"] < time.monotonic() - began
    assert told(config, "validation")[-1]["step"] == result["step"]
