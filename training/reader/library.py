"""The library: passages that people of invented organisations wrote, with questions on them.

One file of `library/` is one organisation; library/README.md says how it is written. `tell`
makes from it what an exercise needs: a few passages, what they answer and what they leave open.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from router.prompts import MAX_PASSAGES, MAX_PASSAGES_BYTES, Passage
from training.haste import as_people_type
from training.reader import redrawing
from training.reader.told import Source, Told
from training.reader.worlds import World

LIBRARY = Path(__file__).with_name("library")
# Shares of the exercises.
REDRAWN = 0.65
FIRST_LEFT_OUT = 0.12
NOTHING_TOLD = 0.05
STRANGER = 0.15


@dataclass(frozen=True, slots=True)
class Written:
    """`family`: passages about sibling things. `asks`: question and answer, a part of `text`."""

    family: str
    title: str
    heading: str
    text: str
    asks: tuple[tuple[str, str], ...]
    open: tuple[str, ...]
    """Questions that no passage of the organisation answers."""


@dataclass(frozen=True, slots=True)
class Organisation:
    name: str
    kind: str
    held_out: bool
    swaps: tuple[redrawing.Swap, ...]
    people: tuple[str, ...]
    passages: tuple[Written, ...]


@cache
def organisations() -> tuple[Organisation, ...]:
    return tuple(read(path.read_text()) for path in sorted(LIBRARY.glob("*.txt")))


def read(text: str) -> Organisation:
    """A file of the library. Raises ValueError where it is not written as its README says."""
    head, *bodies = re.split(r"^@ ", text, flags=re.MULTILINE)
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        if line.strip():
            name, value = line.split(": ", 1)
            fields.setdefault(name, []).append(value)
    return Organisation(
        name=fields["organisation"][0],
        kind=fields["kind"][0],
        held_out=fields.get("held out") == ["yes"],
        swaps=tuple(redrawing.swap(line) for line in fields.get("swap", [])),
        people=tuple(name for line in fields.get("people", []) for name in line.split(", ")),
        passages=tuple(_passage(body) for body in bodies),
    )


def _passage(body: str) -> Written:
    first, _, rest = body.partition("\n")
    family, title, heading = (part.strip() for part in first.split("|"))
    text, asks, open_ = [], [], []
    for line in rest.strip().split("\n"):
        if line.startswith("? "):
            questions, answer = line[2:].rsplit(" | ", 1)
            asks += [(question.strip(), answer.strip()) for question in questions.split(" // ")]
        elif line.startswith("! "):
            open_ += [question.strip() for question in line[2:].split(" // ")]
        else:
            text.append(line)
    return Written(family, title, heading, "\n".join(text).strip(), tuple(asks), tuple(open_))


def tell(world: World, rng: Random, *, held_out: bool) -> Told:
    """One to four passages, siblings of the first before others of the organisation."""
    usable = [each for each in organisations() if each.held_out == held_out]
    organisation = rng.choice(usable)
    rename = redrawing.renaming(world, rng, organisation.swaps, organisation.people)
    shown, absent = _choose(rng, organisation, usable)
    if rng.random() < REDRAWN:
        shown = [_redrawn(rng, rename, each) for each in shown]
        absent = [_redrawn(rng, rename, each) for each in absent]
    keep = " ".join(each.heading.lower() for each in [*shown, *absent])
    nothing = rng.random() < NOTHING_TOLD
    sources: tuple[Source, ...] = tuple(
        (
            Passage(each.title, each.heading, each.text),
            _typed(rng, () if nothing else each.asks, keep),
        )
        for each in shown
    )
    open_ = [question for each in [*shown, *absent] for question in each.open]
    elsewhere = [question for each in absent for question, _ in each.asks]
    rng.shuffle(open_)
    open_ = open_[: 2 * len(elsewhere) or None] + elsewhere
    typed = _typed(rng, tuple((question, "") for question in open_), keep)
    return Told(sources, tuple(question for question, _ in typed))


def _choose(
    rng: Random, organisation: Organisation, usable: list[Organisation]
) -> tuple[list[Written], list[Written]]:
    """The passages shown, and those whose questions are asked although they are not shown."""
    first = rng.choice(organisation.passages)
    others = [each for each in organisation.passages if each is not first]
    rng.shuffle(others)
    others.sort(key=lambda each: each.family != first.family)
    row = [first, *others[: rng.choice([0, 1, 2, 2, 3, 3])]]
    absent = others[len(row) - 1 : len(row)]
    if len(row) > 1 and rng.random() < FIRST_LEFT_OUT:
        absent = [row.pop(0)]
    if len(row) > 1 and rng.random() < STRANGER:
        elsewhere = rng.choice([each for each in usable if each is not organisation])
        row[-1] = rng.choice(elsewhere.passages)
    return _within_budget(row), absent


def _within_budget(row: list[Written]) -> list[Written]:
    """The leading passages that a prompt has room for, whose texts may yet grow a little."""
    kept: list[Written] = []
    left = MAX_PASSAGES_BYTES - 200
    for each in row[:MAX_PASSAGES]:
        left -= len(each.text.encode())
        if left < 0:
            break
        kept.append(each)
    return kept


def _redrawn(rng: Random, rename: redrawing.Change, passage: Written) -> Written:
    """`passage` with other names and numbers, the same ones in its text and its questions."""
    number = redrawing.renumbering(rng, passage.text)

    def change(text: str) -> str:
        return rename(number(text))

    return Written(
        passage.family,
        change(passage.title),
        change(passage.heading),
        change(passage.text),
        tuple((change(question), change(answer)) for question, answer in passage.asks),
        tuple(map(change, passage.open)),
    )


def _typed(
    rng: Random, asks: tuple[tuple[str, str], ...], keep: str
) -> tuple[tuple[str, str], ...]:
    return tuple(
        (as_people_type(rng, question, keep=f"{_names(question)} {keep}"), answer)
        for question, answer in asks
    )


def _names(question: str) -> str:
    """What must not be misspelt: the words after the first that have a capital."""
    return " ".join(word for word in question.split()[1:] if not word.islower())
