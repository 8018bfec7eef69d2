import json
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, LlamaForCausalLM

from router.prompts import tuned_messages
from tests.training.trainers.conftest import FACTS
from training.trainers.answering import Job, run
from training.trainers.generation import generate
from training.trainers.packing import encode_prompt


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


def test_a_batch_answers_as_each_question_alone(tiny_llama: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    model = LlamaForCausalLM.from_pretrained(tiny_llama, dtype=torch.float32)
    prompts = [encode_prompt(tuned_messages(text), tokenizer) for text in FACTS]

    def answers(some: list[list[int]]) -> list[str]:
        found = [g for batch in generate(model, tokenizer, some, max_tokens=8) for g in batch]
        return [g.text for g in sorted(found, key=lambda g: g.place)]

    assert answers(prompts) == [answers([prompt])[0] for prompt in prompts]
