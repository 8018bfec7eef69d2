import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.trainers.conftest import closed_rows
from training.reader.data import exercises
from training.reader.dataset import rows
from training.trainers import frozen
from training.trainers.config import RunConfig
from training.trainers.events import read_events
from training.trainers.halves import Halves
from training.trainers.learner import DESCRIPTION
from training.trainers.loop import Stopped, train
from training.trainers.packing import Encoded, encode
from training.trainers.peft import PeftLearner


@pytest.fixture
def upper(config: RunConfig) -> RunConfig:
    """The same run, in which the upper one of both layers learns."""
    return replace(config, first_layer=1)


def some_rows(learner: PeftLearner) -> list[Encoded]:
    """Without a group, and of groups with passages that have some more in common."""
    read = [row for one in itertools.islice(exercises(5), 2) for row in rows([one])]
    return [encode(row, learner.tokenizer) for row in [*closed_rows(), *read]]


def by_group(encoded: list[Encoded]) -> list[list[Encoded]]:
    ordered = sorted(encoded, key=lambda row: row.group)
    return [list(group) for _, group in itertools.groupby(ordered, key=lambda row: row.group)]


def gradients(learner: PeftLearner, sequences: list[list[Encoded]]) -> list[Tensor]:
    learner.model.zero_grad()
    for sequence in sequences:
        learner.loss(sequence)[0].backward()  # type: ignore[no-untyped-call]
    return [each.grad.clone() for each in learner.adapter().values() if each.grad is not None]


def test_only_the_upper_layers_learn(upper: RunConfig) -> None:
    assert {name.split("layers.")[1][0] for name in PeftLearner(upper).adapter()} == {"1"}


def test_what_is_kept_gives_the_loss_and_gradients_of_going_through_all_layers(
    upper: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = PeftLearner(upper)
    learner.model.to(torch.float32)
    learner.dtype = torch.float32
    sequences = by_group(some_rows(learner))
    # Nothing is expected yet, so nothing is kept.
    expected = gradients(learner, sequences)
    learner.expect([row for sequence in sequences for row in sequence])
    gradients(learner, sequences)
    # What is kept needs no layer below.
    monkeypatch.setattr(learner._frozen, "_layers", None)
    found = gradients(learner, sequences)
    assert expected
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)
    # In other company more or less is common to the rows of a sequence.
    for sequence in sequences:
        for part in (sequence[:1], sequence[1:3], sequence[::-1]):
            whole = learner.loss(part)[0]
            alone = sum(learner.loss([row])[0] for row in part)
            torch.testing.assert_close(whole, alone, rtol=1e-4, atol=1e-3)


def test_what_has_no_room_is_computed_anew(
    upper: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "MOST_BYTES", 0)
    learner = PeftLearner(upper)
    encoded = some_rows(learner)
    learner.expect(encoded)
    first, second = (gradients(learner, by_group(encoded)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(other, one)


def test_two_threads_keep_what_one_would(upper: RunConfig) -> None:
    learner = PeftLearner(upper)
    encoded = [encode(row, learner.tokenizer) for row in closed_rows()]
    learner.expect(encoded)
    halves = Halves(learner, 2)
    (first, _), (second, _) = (halves.learn([encoded], 10) for _ in range(2))
    assert second == pytest.approx(first, rel=1e-2)


def test_a_stopped_run_keeps_anew_what_it_had_kept(upper: RunConfig, tmp_path: Path) -> None:
    losses = []
    for name, stops in (("whole", ()), ("stopped", (False, False, True, True))):
        run = replace(upper, out=str(tmp_path / name))
        Path(run.out).mkdir()
        if stops:
            asked = iter(stops)
            with pytest.raises(Stopped):
                train(run, PeftLearner(run), stop=lambda asked=asked: next(asked))  # type: ignore[misc]
        train(run, PeftLearner(run), stop=lambda: False)
        told, _ = read_events(Path(run.out), 0)
        losses.append([line["loss"] for line in told if line["event"] == "step"])
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_an_adapter_of_the_upper_layers_is_gone_on_from_with_the_same_layers(
    upper: RunConfig, tmp_path: Path
) -> None:
    train(upper, PeftLearner(upper), stop=lambda: False)
    adapter = Path(upper.out) / "adapter"
    assert json.loads((adapter / DESCRIPTION).read_text())["layers_to_transform"] == [1]
    again = replace(upper, start=str(adapter), out=str(tmp_path / "again"), first_layer=0)
    assert PeftLearner(again).adapter().keys() == PeftLearner(upper).adapter().keys()
