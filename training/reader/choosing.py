"""What the reranker learns from: a question, and lines of documents of which one may answer it.

Of the library a question brings the sentence that holds its answer and the nearest ones that do
not. Of `things/` it brings the line of its fact, those of other facts of the same thing, and the
same line about another one: near misses by attribute and by name, of which the library has few.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from router.prompts import Passage
from router.retrieval.embeddings import ServerEmbeddings
from router.serving import embedded_servers
from training.haste import as_people_type
from training.reader import things
from training.reader.library import Organisation
from training.reader.sentences import Asked, Candidate, Line, asked_of, learned_from, lines_of
from training.reader.things import NAME, Fact, Thing
from training.reader.worlds import World

NEAREST, RANDOM = 2, 1  # sentences of the library that do not hold the answer
SIBLINGS = 2  # other facts of the same thing
# Questions on each fact of a thing, so that these are not many times as many as of the library.
ASKED = 3
# Of the questions on things, so many find their answer nowhere, or are asked without capitals.
OPEN, SMALL = 0.18, 0.25
NONE = -1
_HEADINGS = ("", "Settings", "Limits", "Operation", "At a glance", "Good to know", "Details")
_ROWS = (("Setting", "Value"), ("Item", "Value"), ("What", "How"), ("Property", "Here"))


@dataclass(frozen=True, slots=True)
class Exercise:
    """`right` is the place of the line that holds the `answer`, or `NONE`."""

    question: str
    answer: str
    lines: tuple[Line, ...]
    right: int

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(line.text for line in self.lines)


def exercises(rng: Random) -> list[Exercise]:
    made = [*exercises_of(learned_from(), rng), *exercises_of_things(rng)]
    rng.shuffle(made)
    return made


# --- Of the library ----------------------------------------------------------------------------
def exercises_of(
    organisations: Sequence[Organisation], rng: Random, *, at_most: int | None = None
) -> list[Exercise]:
    """One for each question whose answer stands in a sentence, or has none; of each organisation
    `at_most` so many are drawn."""
    with embedded_servers(embeddings=True):
        asked = [
            each
            for organisation in organisations
            for each in asked_of(organisation, ServerEmbeddings(), at_most=at_most)
        ]
    return [made for each in asked if (made := _of_asked(each, rng))]


def _of_asked(asked: Asked, rng: Random) -> Exercise | None:
    by_nearness = sorted(asked.candidates, key=lambda one: -one.similarity)
    wrong = [one for one in by_nearness if not one.holds]
    # As many lines as where one is right: how many there are must not tell.
    nearest = NEAREST if asked.answer else NEAREST + 1
    shown = wrong[:nearest]
    shown += rng.sample(wrong[nearest:], min(RANDOM, len(wrong) - len(shown)))
    if not asked.answer:
        return Exercise(asked.question, "", tuple(one.line for one in shown), NONE)
    right = next((one for one in (*by_nearness, *asked.missed) if one.holds), None)
    if right is None:
        return None
    return Exercise(asked.question, asked.answer, tuple(one.line for one in (right, *shown)), 0)


# --- Of the things -----------------------------------------------------------------------------
def asked_of_things(rng: Random) -> Iterator[tuple[Thing, Asked]]:
    """The questions on the things that are kept back, each with what is written about its thing and
    about another one of the kind; of some the fact is left out."""
    for thing in things.kept_back():
        for fact in thing.facts:
            for asked in fact.asked:
                yield thing, _asked_of(rng, thing, fact, asked)


def _asked_of(rng: Random, thing: Thing, fact: Fact, asked: str) -> Asked:
    world, form = World(rng), _Form.drawn(rng)
    name, other = _two_names(world, rng)
    is_open = rng.random() < OPEN
    told = [each for each in thing.facts if not (is_open and each is fact)]
    given = form.passages(rng, thing, told, name)
    if NAME in asked:
        given += form.passages(rng, thing, thing.facts, other)
    own = given[0].source
    candidates = tuple(
        Candidate(line, 0.0, not is_open and line.source == own and fact.value in line.said)
        for passage in given
        for line in lines_of(passage)
    )
    question = _typed(rng, asked, name)
    return Asked(question, "" if is_open else fact.value, tuple(given), candidates, ())


def exercises_of_things(rng: Random) -> list[Exercise]:
    return [
        _of_fact(rng, thing, fact, asked)
        for thing in things.learned_from()
        for fact in thing.facts
        for asked in rng.sample(fact.asked, ASKED)
    ]


def _of_fact(rng: Random, thing: Thing, fact: Fact, asked: str) -> Exercise:
    world, form = World(rng), _Form.drawn(rng)
    name, other = _two_names(world, rng)
    is_open = rng.random() < OPEN
    # As many lines as where one is right: how many there are must not tell.
    among = SIBLINGS + 1 if is_open else SIBLINGS
    siblings = rng.sample([each for each in thing.facts if each is not fact], among)
    told = [*([] if is_open else [(fact, name)]), *((each, name) for each in siblings)]
    if NAME in asked:
        told.append((fact, other))
    lines = tuple(
        Line(form.source(thing, about), form.line(rng, each, about)) for each, about in told
    )
    question = _typed(rng, asked, name)
    return Exercise(question, "" if is_open else fact.value, lines, NONE if is_open else 0)


def _two_names(world: World, rng: Random) -> tuple[str, str]:
    name = other = _name(world, rng)
    while other == name:
        other = _name(world, rng)
    return name, other


def _name(world: World, rng: Random) -> str:
    name = world.make("service")
    return name if rng.random() < 0.5 else name.replace("-", " ").title()


def _typed(rng: Random, asked: str, name: str) -> str:
    question = as_people_type(rng, asked, keep=NAME).replace(NAME, name)
    return question.lower() if rng.random() < SMALL else question


_Shape = Literal["sentence", "item", "setting", "row"]


@dataclass(frozen=True, slots=True)
class _Form:
    """How the documents of a company are written. `headers` are those of its tables."""

    says_kind: bool
    heading: str
    shape: _Shape
    headers: tuple[str, str]

    @classmethod
    def drawn(cls, rng: Random) -> "_Form":
        shapes: tuple[_Shape, ...] = ("sentence", "item", "setting", "row")
        (shape,) = rng.choices(shapes, (0.5, 0.15, 0.15, 0.2))
        return cls(rng.random() < 0.3, rng.choice(_HEADINGS), shape, rng.choice(_ROWS))

    def title(self, thing: Thing, name: str) -> str:
        if not any(NAME in fact.said for fact in thing.facts):
            return thing.kind.capitalize()
        return f"{name} {thing.kind}" if self.says_kind else name

    def source(self, thing: Thing, name: str) -> str:
        title = self.title(thing, name)
        return f"{title} > {self.heading}" if self.heading else title

    def line(self, rng: Random, fact: Fact, name: str) -> str:
        match self.shape:
            case "sentence":
                return _sentence(rng, fact, name)
            case "item":
                return f"- {fact.what.capitalize()}: {fact.value}"
            case "setting":
                return f"{_key(rng, fact.what)}: {fact.value}"
            case "row":
                return f"{self.headers[0]}: {fact.what}; {self.headers[1]}: {fact.value}"

    def passages(
        self, rng: Random, thing: Thing, facts: Sequence[Fact], name: str
    ) -> list[Passage]:
        """All facts of a thing, in two parts."""
        lines = [self.line(rng, fact, name) for fact in facts]
        half, between = len(lines) // 2, " " if self.shape == "sentence" else "\n"
        title = self.title(thing, name)
        return [
            Passage(title, self.heading, between.join(part))
            for part in (lines[:half], lines[half:])
        ]


def _key(rng: Random, what: str) -> str:
    """As a file of settings has it, or a list of terms."""
    return "_".join(re.findall(r"\w+", what.lower())) if rng.random() < 0.5 else what.capitalize()


def _sentence(rng: Random, fact: Fact, name: str) -> str:
    """Often with `it` for the name, which the title says."""
    if rng.random() < 0.5:
        return fact.said.replace(NAME, name)
    said = fact.said.replace(f"{NAME}'s", "its").replace(NAME, "it")
    # A command keeps its small letters.
    return said if said.startswith(fact.value) else said[:1].upper() + said[1:]
