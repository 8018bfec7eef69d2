"""`python -m training.trainers.answering job.json`: what a model answers, without a server.

The job: {"base": folder, "adapter": folder or "", "questions": file of {"id", "messages"} lines,
"out": file, "max_tokens": 32, "alone": 0, "threads": 0}. Writes {"id", "answer", "ms",
"prompt_tokens", "completion_tokens"} lines as they come. The first `alone` questions are answered
one by one, so that their `ms` is what a single asker waits; `ms` of the others is their share of
a batch.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from router.decoding import encode_prompt
from training.trainers.generation import Generated, generate
from training.trainers.peft import best_dtype


@dataclass(frozen=True, slots=True)
class Job:
    base: str
    questions: str
    out: str
    adapter: str = ""
    max_tokens: int = 32
    alone: int = 0
    threads: int = 0


def run(job: Job) -> None:
    """Answer every question of the job."""
    if job.threads:
        torch.set_num_threads(job.threads)
    model, tokenizer = _load(job)
    lines = [json.loads(line) for line in Path(job.questions).read_text().splitlines()]
    prompts = [encode_prompt(line["messages"], tokenizer) for line in lines]
    with Path(job.out).open("w") as out:
        for start, end in _portions(len(lines), job.alone):
            began = time.perf_counter()
            for batch in generate(model, tokenizer, prompts[start:end], max_tokens=job.max_tokens):
                ms = (time.perf_counter() - began) * 1000 / len(batch)
                for generated in batch:
                    place = start + generated.place
                    _write(out, lines[place]["id"], generated, ms, len(prompts[place]))
                began = time.perf_counter()


def _load(job: Job) -> tuple[Any, Any]:
    """The model as it is served: with the adapter merged into its weights."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model: Any = AutoModelForCausalLM.from_pretrained(
        job.base, dtype=best_dtype(device), device_map={"": device}
    )
    if job.adapter:
        model = PeftModel.from_pretrained(model, job.adapter).merge_and_unload()
    return model.eval(), AutoTokenizer.from_pretrained(job.base)


def _portions(count: int, alone: int) -> Iterator[tuple[int, int]]:
    alone = min(alone, count)
    yield from ((n, n + 1) for n in range(alone))
    if alone < count:
        yield alone, count


def _write(out: TextIO, question: Any, generated: Generated, ms: float, prompt: int) -> None:
    line = {
        "id": question,
        "answer": generated.text,
        "ms": round(ms, 2),
        "prompt_tokens": prompt,
        "completion_tokens": generated.tokens,
    }
    out.write(json.dumps(line, ensure_ascii=False) + "\n")
    out.flush()


def main(arguments: Sequence[str]) -> None:
    run(Job(**json.loads(Path(arguments[0]).read_text())))


if __name__ == "__main__":
    main(sys.argv[1:])
