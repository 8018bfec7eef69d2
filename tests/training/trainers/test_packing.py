import itertools
import random
from array import array

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.trainers.conftest import closed_rows
from training.reader.data import exercises
from training.reader.dataset import rows
from training.trainers.batching import epoch_updates, updates
from training.trainers.branches import attend, lay_out
from training.trainers.packing import Encoded, Packed, encode, pack
from training.trainers.peft import PeftLearner


def test_packed_branches_give_what_each_row_gives_alone(learner: PeftLearner) -> None:
    learner.model.to(torch.float32)
    learner.dtype = torch.float32
    torch.manual_seed(1)
    for name, parameter in learner.adapter().items():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    for exercise in itertools.islice(exercises(5), 3):
        encoded = [encode(row, learner.tokenizer) for row in rows([exercise])]
        with torch.no_grad():
            together, tokens = learner.loss(encoded)
            alone = [learner.loss([row])[0] for row in encoded]
        torch.testing.assert_close(together, torch.stack(alone).sum(), rtol=1e-4, atol=1e-3)
        assert tokens < sum(map(len, encoded))


@given(st.integers(0, 5), st.lists(st.integers(1, 4), min_size=1, max_size=5), st.randoms())
def test_attention_by_branches_is_attention_under_the_mask(
    shared: int, lengths: list[int], source: random.Random
) -> None:
    torch.manual_seed(source.randrange(1_000))
    ids = torch.arange(shared + sum(lengths))
    branch = torch.repeat_interleave(
        torch.arange(len(lengths) + 1), torch.tensor([shared, *lengths])
    )
    packed = Packed(shared, lengths, ids, ids, branch, ids, ids, ids)
    query, key, value = (torch.randn(1, heads, len(ids), 8) for heads in (4, 2, 2))
    laid_out = lay_out(shared, lengths, torch.float32, torch.device("cpu"))
    module = torch.nn.Module()
    found, _ = attend(module, query, key, value, None, branches=laid_out, scaling=0.3)
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, packed.mask(torch.float32), scale=0.3, enable_gqa=True
    )
    torch.testing.assert_close(found, expected.transpose(1, 2))


def test_targets_are_the_answer_and_the_end_of_the_turn(learner: PeftLearner) -> None:
    given_rows = closed_rows()
    packed = pack([encode(row, learner.tokenizer) for row in given_rows])
    for number, row in enumerate(given_rows):
        target = packed.targets[packed.row == number]
        assert learner.tokenizer.decode(target) == row.answer + "<|im_end|>"


def test_a_prompt_has_one_beginning(learner: PeftLearner) -> None:
    encoded = encode(closed_rows()[0], learner.tokenizer)
    text = str(learner.tokenizer.decode(list(encoded.prompt)))
    assert text.startswith("<|im_start|>system\nAnswer from the company's documentation")
    assert text.count("<|im_start|>system") == 1
    assert text.endswith("<|im_start|>assistant\n")


ENCODED = st.builds(
    Encoded,
    prompt=st.lists(st.integers(0, 9), min_size=1, max_size=12).map(lambda x: array("i", x)),
    answer=st.lists(st.integers(0, 9), min_size=1, max_size=4).map(lambda x: array("i", x)),
    group=st.sampled_from(["", "a", "b"]),
)
EPOCH = st.lists(ENCODED, min_size=1, max_size=40)


def as_key(row: Encoded) -> tuple[object, ...]:
    return (*row.prompt, "|", *row.answer, row.group)


@given(EPOCH, st.integers(1, 8), st.integers(10, 60), st.integers(0, 5))
def test_an_epoch_meets_every_row_once(
    encoded: list[Encoded], batch: int, max_tokens: int, seed: int
) -> None:
    made = epoch_updates(encoded, batch=batch, max_tokens=max_tokens, seed=seed)
    met = [row for update in made for sequence in update for row in sequence]
    assert sorted(map(repr, map(as_key, met))) == sorted(map(repr, map(as_key, encoded)))


@given(EPOCH, st.integers(1, 8), st.integers(10, 60))
def test_a_sequence_is_of_one_group_and_within_the_limit(
    encoded: list[Encoded], batch: int, max_tokens: int
) -> None:
    for update in epoch_updates(encoded, batch=batch, max_tokens=max_tokens, seed=1):
        for sequence in update:
            assert len({row.group for row in sequence}) == 1
            assert len(sequence) <= batch
            # The last token of an answer is predicted, not read.
            assert len(sequence) == 1 or len(pack(sequence).ids) <= max_tokens


@given(EPOCH, st.integers(0, 12))
def test_skipping_is_the_same_as_having_gone_through(encoded: list[Encoded], skip: int) -> None:
    straight = updates(encoded, batch=3, max_tokens=40, seed=4)
    resumed = updates(encoded, batch=3, max_tokens=40, seed=4, skip=skip)
    expected = list(itertools.islice(straight, skip, skip + 3))
    assert list(itertools.islice(resumed, 3)) == expected
