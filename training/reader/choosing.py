"""What the reranker learns from: a question, and lines of documents of which one may answer it.

Of the library a question brings the sentence that holds its answer and the nearest ones that do
not. Of `things/` it brings the line of its fact, those of other facts of the same thing, and what
other things have in its place: near misses by attribute and by name, of which the library has few.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Literal

from router.prompts import Passage
from router.retrieval.embeddings import ServerEmbeddings
from router.serving import embedded_servers
from training.haste import as_people_type
from training.reader import redrawing, things
from training.reader.library import Organisation
from training.reader.sentences import Asked, Candidate, Line, asked_of, learned_from, lines_of
from training.reader.things import NAME, Fact, Thing
from training.reader.worlds import World

NEAREST, RANDOM = 2, 1  # sentences of the library that do not hold the answer
# Lines on a thing, as many as the portal's reader gets, of which some tell the same of so many
# other things at most.
LINES, OTHERS = 4, 3
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
def asked_of_things(rng: Random, *, every: int = 1) -> Iterator[tuple[Thing, Asked]]:
    """The questions on the things that are kept back, or on one in `every` of them, each with what
    is written about its thing and about another one of the kind; of some the fact is left out."""
    for thing in things.kept_back()[::every]:
        for fact in thing.facts:
            for asked in fact.asked:
                yield thing, _asked_of(rng, thing, fact, asked)


def _asked_of(rng: Random, thing: Thing, fact: Fact, asked: str) -> Asked:
    world, form = World(rng), _Form.drawn(rng)
    name, other = _names(world, rng, 2)
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
    name, *other_names = _names(world, rng, 1 + rng.randint(1, OTHERS))
    is_open = rng.random() < OPEN
    others = [] if NAME not in asked else _of_others(rng, fact, other_names)
    # As many lines as where one is right: how many there are must not tell.
    among = LINES - len(others) - (not is_open)
    siblings = rng.sample([each for each in thing.facts if each is not fact], among)
    told = [*([] if is_open else [(fact, name)]), *((each, name) for each in siblings), *others]
    lines = tuple(
        Line(form.source(thing, about), form.line(rng, each, about)) for each, about in told
    )
    question = _typed(rng, asked, name)
    return Exercise(question, "" if is_open else fact.value, lines, NONE if is_open else 0)


def _of_others(rng: Random, fact: Fact, names: Sequence[str]) -> list[tuple[Fact, str]]:
    """Each has a value of its own, as far as there are such: a value that comes twice would tell
    that it is the right one."""
    taken, told = {fact.value}, []
    for name in names:
        if (value := _another_value(rng, fact.value)) not in taken:
            taken.add(value)
            said = fact.said.replace(fact.value, value)
            told.append((replace(fact, value=value, said=said), name))
    return told


def _another_value(rng: Random, value: str) -> str:
    """With other numbers, or another thing's of the same form; the same one if there is none."""
    renumbered = redrawing.renumbering(rng, value)(value)
    return renumbered if renumbered != value else rng.choice(_values_by_form()[_form_of(value)])


@cache
def _values_by_form() -> dict[str, list[str]]:
    by_form: dict[str, list[str]] = {}
    for value in dict.fromkeys(fact.value for thing in things.things() for fact in thing.facts):
        by_form.setdefault(_form_of(value), []).append(value)
    return by_form


def _form_of(value: str) -> str:
    """With `A` for every name, `a` for every word of an identifier and `0` for every number."""
    names = re.sub(r"[A-Z][\w'&-]*", "A", value)
    words = re.sub(r"(?<=[#/.:_@-])[a-z]+|[a-z]+(?=[/.:_@-])", "a", names)
    return re.sub(r"\d+", "0", words)


def _names(world: World, rng: Random, count: int) -> list[str]:
    names: dict[str, None] = {}
    while len(names) < count:
        names[_name(world, rng)] = None
    return list(names)


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
