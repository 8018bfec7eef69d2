"""Reading exercises of the form in which the portal asks its reader: a question, and the few lines
of documents that are likeliest to answer it (`router.quoting.excerpts`)."""

from collections.abc import Iterator, Sequence
from random import Random

from router.prompts import REFUSAL, Passage
from training.reader import choosing, redrawing
from training.reader.data import Exercise
from training.reader.sentences import Line

# Shares: of the exercises in which the right line comes first, as the reranker has it; of those
# with other numbers; of those that lack some of the lines that are not right, as a short document
# has no more; of the questions that nothing answers which are asked.
FIRST, RENUMBERED, SHORT, OPEN = 0.6, 0.5, 0.3, 0.7


def exercises(rng: Random, made: Sequence[choosing.Exercise]) -> Iterator[Exercise]:
    """One for each question, in any order; `made` are those of the reranker."""
    for one in rng.sample(made, len(made)):
        if one.answer or rng.random() < OPEN:
            yield _of(rng, _renumbered(rng, one) if rng.random() < RENUMBERED else one)


def _of(rng: Random, made: choosing.Exercise) -> Exercise:
    right = made.lines[made.right] if made.answer else None
    lines = rng.sample(made.lines, len(made.lines))
    if rng.random() < SHORT:
        lines = _short(rng, lines, right)
    if right and rng.random() < FIRST:
        lines.remove(right)
        lines.insert(0, right)
    by_source: dict[str, list[Line]] = {}
    for line in lines:
        by_source.setdefault(line.source, []).append(line)
    passages = [
        Passage(source, "", "\n".join(line.said for line in own))
        for source, own in by_source.items()
    ]
    if right is None:
        return Exercise(tuple(passages), ((made.question, REFUSAL),))
    number = list(by_source).index(right.source) + 1
    return Exercise(tuple(passages), ((made.question, f"{made.answer} [{number}]"),))


def _short(rng: Random, lines: Sequence[Line], right: Line | None) -> list[Line]:
    """The right line and any number of the others; without a right one at least one."""
    others = [line for line in lines if line is not right]
    kept = rng.sample(others, rng.randint(int(right is None), len(others)))
    return [line for line in lines if line is right or line in kept]


def _renumbered(rng: Random, made: choosing.Exercise) -> choosing.Exercise:
    """With other numbers, the same ones wherever they stand; as it is where a number of the answer
    is read otherwise without the line around it."""
    change = redrawing.renumbering(rng, "\n".join(made.texts))
    lines = tuple(Line(change(line.source), change(line.said)) for line in made.lines)
    answer = change(made.answer)
    if answer not in lines[made.right].said:
        return made
    return choosing.Exercise(change(made.question), answer, lines, made.right)
