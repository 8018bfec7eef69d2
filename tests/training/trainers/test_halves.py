from array import array

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.trainers.conftest import closed_rows
from training.trainers.halves import Halves, halved
from training.trainers.packing import Encoded, encode
from training.trainers.peft import PeftLearner


def a_row(length: int) -> Encoded:
    return Encoded(array("i", range(length)), array("i", [1]))


sequences_ = st.lists(
    st.lists(st.integers(1, 40).map(a_row), min_size=1, max_size=20), min_size=1, max_size=6
)


@given(sequences_)
def test_each_row_is_in_one_half_and_stays_among_its_own(update: list[list[Encoded]]) -> None:
    halves = halved(update)
    assert 1 <= len(halves) <= 2
    assert all(sequence for half in halves for sequence in half)
    rows = [row for half in halves for sequence in half for row in sequence]
    assert list(map(id, rows)) == [id(row) for sequence in update for row in sequence]
    whole = [{id(row) for row in sequence} for sequence in update]
    for half in halves:
        for sequence in half:
            assert any({id(row) for row in sequence} <= one for one in whole)


@given(sequences_)
def test_halves_differ_by_one_row_at_the_most(update: list[list[Encoded]]) -> None:
    sizes = [sum(map(len, sequence)) for sequence in update]
    longest = max(len(row) for sequence in update for row in sequence)
    first, *second = [sum(len(row) for one in half for row in one) for half in halved(update)]
    assert abs(first - sum(second)) <= longest
    assert first + sum(second) == sum(sizes)


def test_loss_and_gradients_are_those_of_one_thread(learner: PeftLearner) -> None:
    rows = [encode(row, learner.tokenizer) for row in closed_rows()]
    tokens = sum(len(row.answer) for row in rows)
    found = {}
    for cores in (1, 2):
        learner.model.zero_grad()
        loss, read = Halves(learner, cores).learn([rows], tokens)
        gradients = [each.grad for each in learner.adapter().values() if each.grad is not None]
        found[cores] = (loss, read, gradients)
    (one_loss, one_read, one), (loss, read, both) = found[1], found[2]
    assert loss == pytest.approx(one_loss, rel=1e-2)
    assert read > one_read, "What the rows share is read by each of the two."
    for expected, gradient in zip(one, both, strict=True):
        assert (gradient - expected).norm() <= 0.02 * expected.norm(), "They may be in bfloat16."


def test_other_threads_keep_their_cores(learner: PeftLearner) -> None:
    before = torch.get_num_threads()
    rows = [encode(row, learner.tokenizer) for row in closed_rows()]
    Halves(learner, 2).learn([rows], 10)
    assert torch.get_num_threads() == before


def test_failure_of_a_half_is_raised(learner: PeftLearner) -> None:
    broken = Encoded(array("i", [10**9, 1]), array("i", [1]))
    with pytest.raises(IndexError):
        Halves(learner, 2).learn([[broken, broken]], 2)
