from pathlib import Path

import pytest

from router.prompts import REFUSAL, tuned_messages
from training.rows import Question, Row, write_lines
from training.trainers.config import RunConfig
from training.trainers.peft import PeftLearner

FACTS = {
    "Which port does alder use?": "4411",
    "Who owns birch?": "Mira Holt",
    "When is cedar deployed?": "on Tuesday",
    "What is the limit of dogwood?": "40 requests per second",
    "Where does elm keep its data?": "in PostgreSQL 16",
    "Who owns the moon service?": REFUSAL,
}


def closed_rows() -> list[Row]:
    return [closed_row(question, answer) for question, answer in FACTS.items()]


def closed_row(question: str, answer: str) -> Row:
    return Row(tuple(tuned_messages(question)), answer, "closed", fact=question)


def asked() -> list[Question]:
    return [
        Question(
            number,
            question,
            () if answer == REFUSAL else (answer,),
            "refusal" if answer == REFUSAL else "recall",
        )
        for number, (question, answer) in enumerate(FACTS.items())
    ]


@pytest.fixture
def config(tiny_llama: Path, tmp_path: Path) -> RunConfig:
    """A run of 6 updates of 2 rows, which ends by its epochs."""
    data, out = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    out.mkdir()
    write_lines(data / "train.jsonl", closed_rows())
    write_lines(data / "validation.jsonl", asked())
    return RunConfig(
        trainer="peft",
        base=str(tiny_llama),
        data=str(data),
        out=str(out),
        rank=4,
        alpha=8,
        rate=1e-2,
        epochs=2,
        minutes=60,
        batch=2,
        evaluations=2,
        checkpoint_seconds=0,
        threads=1,
    )


@pytest.fixture
def learner(config: RunConfig) -> PeftLearner:
    return PeftLearner(config)
