import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from router.prompts import REFUSAL
from training.conversion import merge_adapter
from training.reader import lora
from training.reader.data import exercises
from training.reader.model import Reader
from training.reader.packing import pack, tokenise
from training.reader.scoring import evaluate
from training.reader.train import Config, Progress, step, train


@pytest.fixture
def config(tiny_llama: Path, tmp_path: Path) -> Config:
    return Config(
        base=tiny_llama,
        out=tmp_path / "run",
        minutes=60,
        steps=12,
        rate=1e-2,
        checkpoint_every=3,
        held_out=2,
        threads=1,
    )


def reader_of(config: Config) -> Reader:
    return Reader(config.base, rank=4, alpha=8)


def spread(reader: Reader) -> None:
    """Give every adapter an effect: B starts as zeros."""
    torch.manual_seed(1)
    for adapter in reader.adapters.values():
        torch.nn.init.normal_(adapter.b, std=0.05)


def logits(model: nn.Module, prompt: list[int]) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(input_ids=torch.tensor([prompt])).logits[0]
    return found


def test_packed_branches_give_what_each_question_gives_alone(config: Config) -> None:
    reader = reader_of(config)
    reader.model.to(torch.float32)  # type: ignore[arg-type]
    spread(reader)
    for exercise in itertools.islice(exercises(5), 3):
        rows = tokenise(exercise, reader.tokenizer)
        with torch.no_grad():
            together = reader.logits(pack(rows))
            alone = torch.cat([reader.logits(pack([row])) for row in rows])
        torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_targets_are_the_answer_and_the_end_of_the_turn(config: Config) -> None:
    reader = reader_of(config)
    exercise = next(exercises(5))
    packed = pack(tokenise(exercise, reader.tokenizer))
    for number, (_, answer) in enumerate(exercise.questions):
        target = packed.targets[packed.row == number]
        assert reader.tokenizer.decode(target) == answer + "<|im_end|>"


def test_loss_falls_and_only_adapters_change(config: Config) -> None:
    reader = reader_of(config)
    before = {name: value.clone() for name, value in reader.model.state_dict().items()}
    optimizer = torch.optim.AdamW(reader.parameters(), lr=1e-2)
    batch = list(itertools.islice(exercises(5), 1))
    losses = [step(reader, optimizer, batch, Progress()) for _ in range(12)]
    assert losses[-1] < losses[0] - 0.2
    changed = {
        name for name, value in reader.model.state_dict().items() if not value.equal(before[name])
    }
    adapted = {
        f"{name.removeprefix(lora.PREFIX)}.{part}" for name in reader.adapters for part in "ab"
    }
    assert changed == adapted


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(config: Config) -> None:
    whole = replace(config, out=config.out / "whole")
    stopped = replace(config, out=config.out / "stopped")
    straight = list(train(whole))[-1]
    # It ends after step 5; the last checkpoint is of step 3.
    list(itertools.islice(train(stopped), 5))
    resumed = list(train(stopped))[-1]
    assert resumed.losses == straight.losses
    one, other = (load_file(c.out / "checkpoint.safetensors") for c in (whole, stopped))
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)


def test_a_finished_run_does_nothing_more(config: Config) -> None:
    list(train(config))
    assert list(train(config)) == []


def test_merging_adds_scale_times_b_a(config: Config, tmp_path: Path) -> None:
    reader = reader_of(config)
    spread(reader)
    reader.save(tmp_path / "adapter")
    merged = tmp_path / "merged"
    merged.mkdir()
    merge_adapter(config.base, tmp_path / "adapter", merged)
    base, new = (
        load_file(config.base / "model.safetensors"),
        load_file(merged / "model.safetensors"),
    )
    tensors = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    touched = 0
    for name, weight in base.items():
        layer = lora.PREFIX + name.removesuffix(".weight")
        if layer + lora.A_SUFFIX not in tensors:
            assert new[name].equal(weight)
            continue
        a, b = tensors[layer + lora.A_SUFFIX].float(), tensors[layer + lora.B_SUFFIX].float()
        expected = weight + (8 / 4) * torch.einsum("or,ri->oi", b, a)
        torch.testing.assert_close(new[name], expected)
        touched += 1
    assert touched == 2 * len(lora.TARGETS)


# PEFT still asks transformers by an old name.
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_our_adapter_is_one_that_peft_reads(config: Config, tmp_path: Path) -> None:
    reader = reader_of(config)
    spread(reader)
    reader.save(tmp_path / "adapter")
    merged = tmp_path / "merged"
    merged.mkdir()
    merge_adapter(config.base, tmp_path / "adapter", merged)
    prompt = tokenise(next(exercises(5)), reader.tokenizer)[0][0]
    ours = LlamaForCausalLM.from_pretrained(merged, dtype=torch.float32)
    base = LlamaForCausalLM.from_pretrained(config.base, dtype=torch.float32)
    plain = logits(base, prompt)
    theirs = PeftModel.from_pretrained(base, tmp_path / "adapter")
    torch.testing.assert_close(logits(ours, prompt), logits(theirs, prompt), rtol=1e-3, atol=1e-3)
    assert not torch.allclose(plain, logits(ours, prompt), atol=1e-2)


def test_scoring_tells_right_wrong_and_refused_apart(config: Config) -> None:
    """A reader taught to refuse one exercise refuses it all, and is scored so."""
    reader = reader_of(config)
    exercise = next(exercises(5))
    refusing = replace(
        exercise, questions=tuple((question, REFUSAL) for question, _ in exercise.questions)
    )
    optimizer = torch.optim.AdamW(reader.parameters(), lr=2e-2)
    for _ in range(40):
        step(reader, optimizer, [refusing], Progress())
    score = evaluate(reader, [exercise])
    assert score.refusal_recall == 1
    assert score.over_refusal == 1
    assert score.exact == score.wrong == 0
    assert score.questions == len(exercise.questions)
