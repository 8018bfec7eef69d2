"""The library and the things as the dataset of the model that asks for a value in a line:

python -m training.reader.questioning --out /tmp/asker-data
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from router.prompts import Passage, asker_messages
from training.metrics import contains
from training.reader import sentences, things
from training.reader.choosing import Form, name_of
from training.reader.library import Organisation, Written
from training.reader.sentences import Line, lines_of
from training.reader.things import NAME, Fact, Thing
from training.reader.worlds import World
from training.rows import Question, Row, write_lines

# Questions on one fact of a thing: in the words of its document, and in others.
IN_ITS_WORDS, IN_OTHER_WORDS = 2, 3
# Longer ones tell a story before they ask.
MOST_CHARACTERS = 100
JUDGED = 40
# Rows that are read together: what the model is told before them is the same.
TOGETHER = 16


def rows(organisations: Iterable[Organisation], learned: Iterable[Thing], rng: Random) -> list[Row]:
    made = [*_of_library(organisations), *_of_things(learned, rng)]
    rng.shuffle(made)
    return [replace(row, group=str(number // TOGETHER)) for number, row in enumerate(made)]


def _of_library(organisations: Iterable[Organisation]) -> Iterator[Row]:
    for organisation in organisations:
        for passage in organisation.passages:
            yield from _of_passage(passage)


def _of_passage(written: Written) -> Iterator[Row]:
    """One row for each answer, with all questions that it answers."""
    lines = lines_of(Passage(written.title, written.heading, written.text))
    asked = defaultdict(list)
    for question, answer in written.asks:
        asked[answer].append(question)
    for answer, questions in asked.items():
        holding = [line for line in lines if contains(line.said, answer)]
        short = [one for one in questions if len(one) <= MOST_CHARACTERS]
        # Where several lines hold it, nobody knows which one is asked about.
        if len(holding) == 1 and short:
            yield _row(holding[0], answer, short)


def _of_things(learned: Iterable[Thing], rng: Random) -> Iterator[Row]:
    for thing in learned:
        world = World(rng)
        name = name_of(world, rng)
        for fact in thing.facts:
            form = Form.drawn(rng)
            line = Line(form.source(thing, name), form.line(rng, fact, name))
            questions = [one.replace(NAME, name) for one in _drawn(fact, rng)]
            yield _row(line, fact.value, questions)


def _drawn(fact: Fact, rng: Random) -> list[str]:
    groups = (fact.in_its_words, IN_ITS_WORDS), (fact.in_other_words, IN_OTHER_WORDS)
    drawn = []
    for asked, count in groups:
        short = [one for one in asked if len(one) <= MOST_CHARACTERS]
        drawn += rng.sample(short, min(count, len(short)))
    return drawn


def _row(line: Line, value: str, questions: Sequence[str]) -> Row:
    messages = tuple(asker_messages(line.text, value, len(questions)))
    return Row(messages, "\n".join(questions), "context")


def judged(made: Iterable[Row]) -> Iterator[Question]:
    for number, row in enumerate(made):
        yield Question(
            number, row.messages[-1]["content"], (row.answer,), "recall", messages=row.messages
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rng = Random(options.seed)
    learned = rows(sentences.learned_from(), things.learned_from(), rng)
    kept_back = rows(sentences.kept_back(), things.kept_back(), rng)
    write_lines(options.out / "train.jsonl", learned)
    write_lines(options.out / "validation.jsonl", judged(kept_back[:JUDGED]))


if __name__ == "__main__":
    main()
