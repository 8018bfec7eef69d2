"""What a reader scores on texts that it was not trained on:

DJANGO_SETTINGS_MODULE=docportal.settings python -m training.reader.judging \\
    --adapter training/reader/adapter --exercises 40
"""

import argparse
import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import django

from router.text import without_marks
from training.metrics import Summary, judged, summarised
from training.reader import choosing, excerpts
from training.reader.data import Exercise, exercises, from_library
from training.reader.dataset import questions
from training.reader.sentences import kept_back
from training.rows import Question
from training.trainers.answering import Job, run

SEED = 9_000_000
LINES_EACH = 40  # questions of an organisation


def held_out_sets() -> dict[str, Iterator[Exercise]]:
    """Endless exercises on what training never meets, by what that is."""
    return {
        "other organisations' prose": from_library(SEED, held_out=True),
        "other names": exercises(SEED, held_out=True),
        "other names and kinds of facts": exercises(SEED, held_out=True, unseen=True),
    }


def on_lines() -> Iterator[Exercise]:
    """On the likeliest lines, of organisations that the reranker never met; of these the reader met
    half in whole passages."""
    rng = Random(SEED)
    return excerpts.exercises(rng, choosing.exercises_of(kept_back(), rng, at_most=LINES_EACH))


def score(asked: list[Question], *, base: Path, adapter: str) -> Summary:
    """Greedy answers without their citations, before the product checks them."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(str(base), f"{folder}/questions", f"{folder}/answers", adapter, max_tokens=48)
        lines = [json.dumps({"id": q.id, "messages": q.messages}) for q in asked]
        Path(job.questions).write_text("\n".join(lines))
        run(job)
        written = [json.loads(line) for line in Path(job.out).read_text().splitlines()]
    said = {line["id"]: without_marks(line["answer"]) for line in written}
    wanted = {q.id: [without_marks(answer) for answer in q.answers] for q in asked}
    return summarised([judged(wanted[q.id], said[q.id]) for q in asked])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, default=Path("models/smollm2-135m-instruct"))
    parser.add_argument("--adapter", default="")
    parser.add_argument("--exercises", type=int, default=40)
    options = parser.parse_args()
    django.setup()
    judged_on = {
        name: itertools.islice(made, options.exercises) for name, made in held_out_sets().items()
    }
    for name, made in {**judged_on, "the likeliest lines": on_lines()}.items():
        asked = list(questions(made))
        found = score(asked, base=options.base, adapter=options.adapter)
        print(name, json.dumps(found.as_json()))  # noqa: T201


if __name__ == "__main__":
    main()
