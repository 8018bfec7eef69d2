import json
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from router.decoding import encode_prompt
from router.prompts import tuned_messages
from tests.training.trainers.conftest import FACTS
from training.trainers.answering import Job, run
from training.trainers.generation import Generated, generate


@pytest.fixture
def job(tiny_llama: Path, tmp_path: Path) -> Job:
    questions = tmp_path / "questions.jsonl"
    questions.write_text(
        "".join(
            json.dumps({"id": f"q{n}", "messages": tuned_messages(text)}) + "\n"
            for n, text in enumerate(FACTS)
        )
    )
    return Job(
        base=str(tiny_llama),
        questions=str(questions),
        out=str(tmp_path / "answers.jsonl"),
        max_tokens=8,
        alone=2,
        threads=1,
    )


def test_every_question_is_answered_once_with_its_counts(job: Job) -> None:
    run(job)
    lines = [json.loads(line) for line in Path(job.out).read_text().splitlines()]
    assert sorted(line["id"] for line in lines) == [f"q{n}" for n in range(len(FACTS))]
    assert all(line["ms"] > 0 and line["prompt_tokens"] > 20 for line in lines)
    assert all(1 <= line["completion_tokens"] <= 8 for line in lines)
    assert [line["id"] for line in lines[:2]] == ["q0", "q1"]


# --- A shared beginning ------------------------------------------------------------------------
LONGEST = 12


@pytest.fixture
def prompts(tokenizer: Any) -> list[list[int]]:
    asked = [*FACTS, "Why?", "Which of the many services that we run writes to the disk at night?"]
    return [encode_prompt(tuned_messages(text), tokenizer) for text in asked]


def in_order(model: LlamaForCausalLM, tokenizer: Any, some: list[list[int]]) -> list[Generated]:
    batches = generate(model, tokenizer, some, max_tokens=LONGEST)
    return sorted((one for batch in batches for one in batch), key=lambda one: one.place)


def by_transformers(model: LlamaForCausalLM, end: int, prompt: list[int]) -> list[int]:
    """A whole prompt alone, by the library's own generation."""
    whole = model.generate(
        input_ids=torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=LONGEST,
        do_sample=False,
        eos_token_id=end,
        pad_token_id=end,
    )
    tokens: list[int] = whole[0, len(prompt) :].tolist()
    return tokens


def as_tokens(tokenizer: Any, tokens: list[int]) -> tuple[str, int]:
    return tokenizer.decode(tokens, skip_special_tokens=True).strip(), len(tokens)


@pytest.mark.parametrize("together", [1, 2, 8])
def test_a_shared_beginning_gives_the_tokens_of_whole_prompts(
    telling_llama: LlamaForCausalLM, tokenizer: Any, prompts: list[list[int]], together: int
) -> None:
    expected = [
        by_transformers(telling_llama, tokenizer.eos_token_id, prompt) for prompt in prompts
    ]
    assert len({tuple(tokens) for tokens in expected}) > len(prompts) // 2
    found = []
    for start in range(0, len(prompts), together):
        found += in_order(telling_llama, tokenizer, prompts[start : start + together])
    assert [(one.text, one.tokens) for one in found] == [
        as_tokens(tokenizer, tokens) for tokens in expected
    ]


def test_an_answer_that_ends_early_leaves_the_others_as_they_are(
    telling_llama: LlamaForCausalLM, tokenizer: Any, prompts: list[list[int]]
) -> None:
    written = [by_transformers(telling_llama, tokenizer.eos_token_id, prompt) for prompt in prompts]
    # What one of them writes as its third token ends a turn from here on.
    tokenizer = copy(tokenizer)
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(written[0][2])
    expected = [
        by_transformers(telling_llama, tokenizer.eos_token_id, prompt) for prompt in prompts
    ]
    lengths = [len(tokens) for tokens in expected]
    assert min(lengths) < max(lengths)
    found = in_order(telling_llama, tokenizer, prompts)
    assert [one.tokens for one in found] == lengths
    assert [(one.text, one.tokens) for one in found] == [
        as_tokens(tokenizer, tokens) for tokens in expected
    ]


def test_prompts_that_share_nothing_and_one_that_begins_another_are_answered(
    telling_llama: LlamaForCausalLM, tokenizer: Any, prompts: list[list[int]]
) -> None:
    end = tokenizer.eos_token_id
    for some in (
        [prompts[0], prompts[1][3:]],
        [prompts[2], prompts[2][:-4]],
        [prompts[3], prompts[3]],
    ):
        found = in_order(telling_llama, tokenizer, some)
        assert [(one.text, one.tokens) for one in found] == [
            as_tokens(tokenizer, by_transformers(telling_llama, end, prompt)) for prompt in some
        ]
