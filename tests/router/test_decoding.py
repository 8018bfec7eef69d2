"""Whatever is predicted, the answer is the one that the library's own generation gives."""

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import LlamaForCausalLM

from router.decoding import Decoding, encode_prompt, read_beginning, shared
from router.prompts import tuned_messages

LONGEST = 12
QUESTIONS = [
    "Which port does the gate use?",
    "Who is on call for the boiler?",
    "Why?",
    "Which of the many services that we run writes to the disk at night?",
]


@pytest.fixture(scope="module")
def prompts(tokenizer: Any) -> list[list[int]]:
    return [encode_prompt(tuned_messages(text), tokenizer) for text in QUESTIONS]


@pytest.fixture(scope="module")
def answers(telling_llama: LlamaForCausalLM, prompts: list[list[int]]) -> list[list[int]]:
    """Of each prompt alone, by the library's own generation. None of them ends by itself."""
    return [
        telling_llama.generate(
            input_ids=torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            max_new_tokens=LONGEST,
            do_sample=False,
            eos_token_id=None,
        )[0, len(prompt) :].tolist()
        for prompt in prompts
    ]


def written(
    model: LlamaForCausalLM, prompts: list[list[int]], predicted: list[list[list[int]]], end: int
) -> tuple[list[list[int]], int]:
    """The answers, up to `LONGEST` tokens of each, and how many steps they took."""
    beginning = read_beginning(model, shared(prompts) if len(prompts) > 1 else ())
    own = [prompt[len(beginning.tokens) :] for prompt in prompts]
    decoding = Decoding(model, beginning, own, end, predicted)
    found: list[list[int]] = [[] for _ in prompts]
    steps = 0
    while decoding.rows:
        for row, more in decoding.step().items():
            found[row] += more.tokens
        decoding.keep([row for row in decoding.rows if len(found[row]) < LONGEST])
        steps += 1
    return [tokens[:LONGEST] for tokens in found], steps


def test_what_is_predicted_rightly_takes_one_step(
    telling_llama: LlamaForCausalLM, prompts: list[list[int]], answers: list[list[int]]
) -> None:
    # What one answer writes as its fifth token ends a turn.
    end = answers[0][4]
    assert end not in answers[0][:4]
    whole = answers[0][:5]
    assert written(telling_llama, prompts[:1], [[whole]], end) == ([whole], 1)
    assert written(telling_llama, prompts[:1], [[]], end) == ([whole], 5)
    assert written(telling_llama, prompts[:1], [[whole[:2]]], end) == ([whole], 3)


def test_what_another_prediction_says_takes_a_step_more(
    telling_llama: LlamaForCausalLM, prompts: list[list[int]], answers: list[list[int]]
) -> None:
    end = answers[0][4]
    whole = answers[0][:5]
    other = [*whole[:1], 17, 18]
    assert written(telling_llama, prompts[:1], [[other, [19], whole]], end) == ([whole], 2)
    assert written(telling_llama, prompts[:1], [[other, [19], whole[:4]]], end) == ([whole], 2)
    assert written(telling_llama, prompts[:1], [[other, [*whole[:3], 20]]], end) == ([whole], 3)


def test_answers_end_where_they_end_whatever_their_neighbours_predict(
    telling_llama: LlamaForCausalLM, prompts: list[list[int]], answers: list[list[int]]
) -> None:
    end = answers[1][3]
    expected = [tokens[: tokens.index(end) + 1] if end in tokens else tokens for tokens in answers]
    predictions = [
        [expected[0][:6], expected[0]],
        [[*expected[1][:2], 17, 18], [*expected[1][:3], 19]],
        [],
        [[end], expected[3]],
    ]
    assert written(telling_llama, prompts, predictions, end)[0] == expected


@given(data=st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_prediction_changes_an_answer(
    telling_llama: LlamaForCausalLM,
    prompts: list[list[int]],
    answers: list[list[int]],
    data: st.DataObject,
) -> None:
    end = 2
    assert all(end not in tokens for tokens in answers)

    def prediction(tokens: list[int]) -> list[int]:
        right = data.draw(st.integers(0, LONGEST))
        wrong = data.draw(st.lists(st.integers(0, 49151), max_size=4))
        return [*tokens[:right], *wrong]

    most = data.draw(st.integers(0, 3))
    predictions = [[prediction(tokens) for _ in range(most)] for tokens in answers]
    assert written(telling_llama, prompts, predictions, end)[0] == answers


def test_each_token_comes_with_how_probable_the_model_takes_it_to_be(
    telling_llama: LlamaForCausalLM, prompts: list[list[int]], answers: list[list[int]]
) -> None:
    wrong = [*answers[1][:2], 17]
    beginning = read_beginning(telling_llama, shared(prompts))
    own = [prompt[len(beginning.tokens) :] for prompt in prompts]
    predicted = [[answers[0][:5]], [wrong], [], []]
    decoding = Decoding(telling_llama, beginning, own, 2, predicted, with_logprobs=True)
    found: list[list[float]] = [[] for _ in prompts]
    while any(len(one) < LONGEST for one in found):
        for row, more in decoding.step().items():
            assert len(more.tokens) == len(more.logprobs)
            found[row] += more.logprobs
    for prompt, answer, told in zip(prompts, answers, found, strict=True):
        with torch.no_grad():
            logits = telling_llama(input_ids=torch.tensor([[*prompt, *answer]])).logits[0]
        places = range(len(prompt) - 1, len(prompt) - 1 + LONGEST)
        exact = [float(logits[n].log_softmax(-1).max()) for n in places]
        assert told[:LONGEST] == pytest.approx(exact, abs=1e-3)


def test_nothing_is_told_of_that_to_who_does_not_ask(
    telling_llama: LlamaForCausalLM, prompts: list[list[int]]
) -> None:
    decoding = Decoding(telling_llama, read_beginning(telling_llama, ()), prompts, 2)
    assert [one.logprobs for one in decoding.step().values()] == [[]] * len(prompts)
