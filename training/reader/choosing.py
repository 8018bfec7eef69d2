"""What the reranker learns from: a question, and lines of documents of which one may answer it.

Of the library a question brings the sentence that holds its answer and the nearest ones that do
not. Of `things/` it brings the line of its fact, those of other facts of the same thing, and the
same line about another one: near misses by attribute and by name, of which the library has few.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from router.prompts import Passage
from router.quoting import texts_of
from router.retrieval.embeddings import ServerEmbeddings
from router.serving import embedded_servers
from training.haste import as_people_type
from training.reader import things
from training.reader.sentences import Asked, Candidate, asked_of, learned_from
from training.reader.things import NAME, Fact, Thing
from training.reader.worlds import World

NEAREST, RANDOM = 2, 1  # sentences of the library that do not hold the answer
SIBLINGS = 2  # other facts of the same thing
# Of the questions on things, so many find their answer nowhere, or are asked without capitals.
OPEN, SMALL = 0.18, 0.25
NONE = -1
_HEADINGS = ("", "Settings", "Limits", "Operation", "At a glance", "Good to know", "Details")
_ROWS = (("Setting", "Value"), ("Item", "Value"), ("What", "How"), ("Property", "Here"))


@dataclass(frozen=True, slots=True)
class Exercise:
    """`right` is the place of the text that answers the question, or `NONE`."""

    question: str
    texts: tuple[str, ...]
    right: int


def exercises(rng: Random) -> list[Exercise]:
    made = [*_of_library(rng), *exercises_of_things(rng)]
    rng.shuffle(made)
    return made


# --- Of the library ----------------------------------------------------------------------------
def _of_library(rng: Random) -> list[Exercise]:
    """One for each question whose answer stands in a sentence, or has none."""
    with embedded_servers(embeddings=True):
        asked = [
            each
            for organisation in learned_from()
            for each in asked_of(organisation, ServerEmbeddings())
        ]
    return [made for each in asked if (made := _of_asked(each, rng))]


def _of_asked(asked: Asked, rng: Random) -> Exercise | None:
    by_nearness = sorted(asked.candidates, key=lambda one: -one.similarity)
    wrong = [one for one in by_nearness if not one.holds]
    shown = wrong[:NEAREST]
    shown += rng.sample(wrong[NEAREST:], min(RANDOM, len(wrong) - len(shown)))
    if not asked.answer:
        return Exercise(asked.question, _texts(shown), NONE)
    right = next((one for one in (*by_nearness, *asked.missed) if one.holds), None)
    return Exercise(asked.question, _texts([right, *shown]), 0) if right else None


def _texts(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    return tuple(one.text for one in candidates)


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
    own = f"{given[0].source}: "
    candidates = tuple(
        Candidate(text, 0.0, not is_open and text.startswith(own) and fact.value in text)
        for text in texts_of(given)
    )
    question = _typed(rng, asked, name)
    return Asked(question, "" if is_open else fact.value, tuple(given), candidates, ())


def exercises_of_things(rng: Random) -> list[Exercise]:
    return [
        _of_fact(rng, thing, fact, asked)
        for thing in things.learned_from()
        for fact in thing.facts
        for asked in fact.asked
    ]


def _of_fact(rng: Random, thing: Thing, fact: Fact, asked: str) -> Exercise:
    world, form = World(rng), _Form.drawn(rng)
    name, other = _two_names(world, rng)
    siblings = rng.sample([each for each in thing.facts if each is not fact], SIBLINGS)
    told = [(fact, name), *((each, name) for each in siblings)]
    if NAME in asked:
        told.append((fact, other))
    texts = tuple(
        f"{form.source(thing, about)}: {form.line(rng, each, about)}" for each, about in told
    )
    question = _typed(rng, asked, name)
    return (
        Exercise(question, texts[1:], NONE) if rng.random() < OPEN else Exercise(question, texts, 0)
    )


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


@dataclass(frozen=True, slots=True)
class _Form:
    """How the documents of a company are written. `row`: the headers of its tables; none: it says
    in sentences, or in `items`."""

    says_kind: bool
    heading: str
    items: bool
    row: tuple[str, str] | None

    @classmethod
    def drawn(cls, rng: Random) -> "_Form":
        form = rng.random()
        row = rng.choice(_ROWS) if form > 0.75 else None
        return cls(rng.random() < 0.3, rng.choice(_HEADINGS), 0.55 < form <= 0.75, row)

    def title(self, thing: Thing, name: str) -> str:
        if not any(NAME in fact.said for fact in thing.facts):
            return thing.kind.capitalize()
        return f"{name} {thing.kind}" if self.says_kind else name

    def source(self, thing: Thing, name: str) -> str:
        title = self.title(thing, name)
        return f"{title} > {self.heading}" if self.heading else title

    def line(self, rng: Random, fact: Fact, name: str) -> str:
        if self.row:
            return f"{self.row[0]}: {fact.what}; {self.row[1]}: {fact.value}"
        if self.items:
            return f"- {fact.what.capitalize()}: {fact.value}"
        return _sentence(rng, fact, name)

    def passages(
        self, rng: Random, thing: Thing, facts: Sequence[Fact], name: str
    ) -> list[Passage]:
        """All facts of a thing, in two parts."""
        lines = [self.line(rng, fact, name) for fact in facts]
        half, between = len(lines) // 2, "\n" if self.row or self.items else " "
        title = self.title(thing, name)
        return [
            Passage(title, self.heading, between.join(part))
            for part in (lines[:half], lines[half:])
        ]


def _sentence(rng: Random, fact: Fact, name: str) -> str:
    """Often with `it` for the name, which the title says."""
    if rng.random() < 0.5:
        return fact.said.replace(NAME, name)
    said = fact.said.replace(f"{NAME}'s", "its").replace(NAME, "it")
    return said[:1].upper() + said[1:]
