"""Exercises as the dataset of a training run, on whole passages and on the likeliest lines:

python -m training.reader.dataset --exercises 120 --lines --out /tmp/reader-data
"""

import argparse
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import django

from router.prompts import REFUSAL, reader_messages
from training.reader import choosing, excerpts
from training.reader.data import Exercise, exercises
from training.rows import Question, Row, write_lines

HELD_OUT_SEED = 7_000_000
# Exercises on a few lines that are read together: what the model is told before them is the same.
TOGETHER = 8


def rows(made: Iterable[Exercise], *, together: int = 1) -> Iterator[Row]:
    """One for each question; those of `together` exercises are a group."""
    for number, exercise in enumerate(made):
        for question, answer in exercise.questions:
            messages = tuple(reader_messages(question, exercise.passages))
            yield Row(messages, answer, "context", group=f"{number // together} of {together}")


def questions(made: Iterable[Exercise]) -> Iterator[Question]:
    """The same as questions to be judged by."""
    for number, row in enumerate(rows(made)):
        answers = () if row.answer == REFUSAL else (row.answer,)
        asked = row.messages[-1]["content"].rpartition("Question: ")[2]
        yield Question(
            number, asked, answers, "recall" if answers else "refusal", messages=row.messages
        )


def on_lines(seed: int) -> Iterator[Exercise]:
    """Those of the reranker."""
    rng = Random(seed)
    return excerpts.exercises(rng, choosing.exercises(rng))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--exercises", type=int, required=True)
    parser.add_argument("--lines", action="store_true", help="those on lines as well")
    parser.add_argument("--held-out", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    made = itertools.islice(exercises(options.seed), options.exercises)
    judged = itertools.islice(exercises(HELD_OUT_SEED, held_out=True), options.held_out)
    learned = list(rows(made))
    if options.lines:
        django.setup()
        learned += rows(on_lines(options.seed), together=TOGETHER)
    write_lines(options.out / "train.jsonl", learned)
    write_lines(options.out / "validation.jsonl", questions(judged))


if __name__ == "__main__":
    main()
