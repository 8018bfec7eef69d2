"""Exercises as the dataset of a training run:

python -m training.reader.dataset --exercises 3000 --out /tmp/reader-data
"""

import argparse
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

from router.prompts import REFUSAL, reader_messages
from training.reader.data import Exercise, exercises
from training.rows import Question, Row, write_lines

HELD_OUT_SEED = 7_000_000


def rows(made: Iterable[Exercise]) -> Iterator[Row]:
    """One for each question; those on the same passages are a group."""
    for number, exercise in enumerate(made):
        for question, answer in exercise.questions:
            messages = tuple(reader_messages(question, exercise.passages))
            yield Row(messages, answer, "context", group=str(number))


def questions(made: Iterable[Exercise]) -> Iterator[Question]:
    """The same as questions to be judged by."""
    for number, row in enumerate(rows(made)):
        answers = () if row.answer == REFUSAL else (row.answer,)
        asked = row.messages[-1]["content"].rpartition("Question: ")[2]
        yield Question(
            number, asked, answers, "recall" if answers else "refusal", messages=row.messages
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--exercises", type=int, required=True)
    parser.add_argument("--held-out", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    made = itertools.islice(exercises(options.seed), options.exercises)
    judged = itertools.islice(exercises(HELD_OUT_SEED, held_out=True), options.held_out)
    write_lines(options.out / "train.jsonl", rows(made))
    write_lines(options.out / "validation.jsonl", questions(judged))


if __name__ == "__main__":
    main()
