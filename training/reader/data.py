"""Reading exercises about invented companies: passages, questions, short answers with their source.

`exercises(seed)` never ends and always yields the same sequence. An exercise is one set of
passages with many questions on them, so that a trainer reads the passages once. About half of
them are of the library, whose passages were written one by one; the others are put together from
frames and stories. About a fifth of the questions have no answer in the passages: they ask of a
thing that is not mentioned, for a fact told only of its neighbour, for another environment, or
for what nobody wrote down.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from router.prompts import MAX_PASSAGES, REFUSAL, Passage
from training.reader import frames, library, phrasing, stories
from training.reader.told import Told
from training.reader.worlds import World

QUESTIONS = 16
UNANSWERABLE = 0.17
FROM_LIBRARY = 0.62


@dataclass(frozen=True, slots=True)
class Exercise:
    passages: tuple[Passage, ...]
    questions: tuple[tuple[str, str], ...]
    """Question and whole answer: `value [n]`, or the refusal. At least one."""


def exercises(seed: int, *, held_out: bool = False, unseen: bool = False) -> Iterator[Exercise]:
    """`held_out`: companies with names, and organisations of the library, that training never
    meets. `unseen`: only kinds of facts and stories that training never meets either."""
    rng = Random(seed)
    while True:
        world = World(rng, held_out=held_out)
        if rng.random() < FROM_LIBRARY:
            exercise = _of_library(world, rng, held_out=held_out or unseen)
        else:
            exercise = _generated(world, rng, unseen=unseen)
        if exercise.questions:
            yield exercise


def from_library(seed: int, *, held_out: bool) -> Iterator[Exercise]:
    """Those on the library alone."""
    rng = Random(seed)
    while True:
        yield _of_library(World(rng, held_out=held_out), rng, held_out=held_out)


def _of_library(world: World, rng: Random, *, held_out: bool) -> Exercise:
    return _asked(rng, library.tell(world, rng, held_out=held_out))


def _generated(world: World, rng: Random, *, unseen: bool) -> Exercise:
    told = Told()
    if rng.random() < 0.5:
        told += stories.tell(world, rng, most=rng.choice([1, 2, 3]), unseen=unseen)
    told += frames.tell(world, rng, most=MAX_PASSAGES - len(told.sources), unseen=unseen)
    if rng.random() < 0.1:
        told += Told(((phrasing.small_talk(rng), ()),))
    return _asked(rng, told)


def _asked(rng: Random, told: Told) -> Exercise:
    sources = list(told.sources)
    rng.shuffle(sources)
    sources = sources[:MAX_PASSAGES]
    answerable = [
        (question, f"{answer} [{number}]")
        for number, (_, asks) in enumerate(sources, start=1)
        for question, answer in asks
    ]
    questions = _choose(rng, answerable, list(told.open))
    return Exercise(tuple(passage for passage, _ in sources), tuple(questions))


def _choose(
    rng: Random, answerable: list[tuple[str, str]], open_: list[str]
) -> list[tuple[str, str]]:
    """Up to `QUESTIONS` in any order, with the wanted share of refusals."""
    rng.shuffle(answerable)
    rng.shuffle(open_)
    kept = answerable[: round(QUESTIONS * (1 - UNANSWERABLE))]
    wanted = len(kept) * UNANSWERABLE / (1 - UNANSWERABLE) if kept else QUESTIONS / 3
    refusals = max(1, int(wanted + rng.random()))
    kept += [(question, REFUSAL) for question in open_[:refusals]]
    rng.shuffle(kept)
    return kept
