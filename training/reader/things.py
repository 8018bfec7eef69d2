"""Facts that are hard to tell apart, each asked in many words: `things/`, whose README says how
they are written.

What reads a question as what it means learns from them: the reader, the reranker, and the model
that tells which questions ask the same.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

from router.prompts import Passage
from training.haste import as_people_type
from training.reader import phrasing, redrawing
from training.reader.told import Told
from training.reader.worlds import World

THINGS = Path(__file__).with_name("things")
NAME = "{name}"
# Of the questions of a fact, so many are in the words of its document; the others are not.
IN_ITS_WORDS = 3
# Every so many things nothing learns from one more.
KEPT_BACK, FIRST_KEPT_BACK = 8, 3
_NAMES = ("service", "service", "site", "tool", "job")
_FEWEST_TOLD, _MOST_TOLD = 4, 9
_ASKED_OF_EACH = 3


@dataclass(frozen=True, slots=True)
class Fact:
    """`said` holds `value`; a `NAME` in it and in `asked` stands for the thing's name."""

    what: str
    value: str
    said: str
    asked: tuple[str, ...]

    @property
    def in_its_words(self) -> tuple[str, ...]:
        return self.asked[:IN_ITS_WORDS]

    @property
    def in_other_words(self) -> tuple[str, ...]:
        return self.asked[IN_ITS_WORDS:]

    def of(self, name: str) -> "Fact":
        """The same of the thing of that name."""
        asked = tuple(each.replace(NAME, name) for each in self.asked)
        return replace(self, said=self.said.replace(NAME, name), asked=asked)


@dataclass(frozen=True, slots=True)
class Thing:
    """Facts of one kind of thing, all of which its documents may tell."""

    kind: str
    facts: tuple[Fact, ...]

    @property
    def is_named(self) -> bool:
        """Whether there may be several of its kind, told apart by their names."""
        return all(NAME in each for fact in self.facts for each in fact.asked)


@cache
def things() -> tuple[Thing, ...]:
    return tuple(
        each for path in sorted(THINGS.glob("*.toml")) for each in read(path.read_text("utf-8"))
    )


def learned_from() -> list[Thing]:
    return [each for number, each in enumerate(things()) if not _is_kept_back(number)]


def kept_back() -> list[Thing]:
    """Those that nothing learns from: on them it is measured."""
    return [each for number, each in enumerate(things()) if _is_kept_back(number)]


def _is_kept_back(number: int) -> bool:
    return number % KEPT_BACK == FIRST_KEPT_BACK


def read(text: str) -> list[Thing]:
    """A file of `things/`. Raises ValueError where it is not written as its README says."""
    return [
        Thing(each["kind"], tuple(_fact(each["kind"], fact) for fact in each["fact"]))
        for each in tomllib.loads(text)["thing"]
    ]


def _fact(kind: str, written: dict[str, object]) -> Fact:
    asked = written["asked"]
    if not isinstance(asked, list) or len(set(asked)) != len(asked) or len(asked) <= IN_ITS_WORDS:
        raise ValueError(f"{kind}, {written['what']}: questions are lacking or come twice.")
    fact = Fact(
        str(written["what"]), str(written["value"]), str(written["said"]), tuple(map(str, asked))
    )
    if fact.value not in fact.said:
        raise ValueError(f"{kind}, {fact.what}: {fact.value!r} does not stand in what is said.")
    return fact


# --- As passages -------------------------------------------------------------------------------


def tell(world: World, rng: Random, *, most: int, held_out: bool) -> Told:
    """Up to `most` passages on one to three things of a kind, each of which tells only some of its
    facts: the questions on the others are open."""
    thing = rng.choice(kept_back() if held_out else learned_from())
    names = _names(world, rng) if thing.is_named else [""]
    told = Told()
    for name in names[: min(most, rng.choice([1, 1, 2, 3]))]:
        told += _told_of(rng, thing, name)
    if thing.is_named:
        stranger = names[-1]
        asked = [_asked(rng, fact.of(stranger), stranger) for fact in rng.sample(thing.facts, 2)]
        told += Told(open=tuple(asked))
    return told


def _names(world: World, rng: Random) -> list[str]:
    """Four of one sort."""
    maker = rng.choice(_NAMES)
    names: dict[str, None] = {}
    while len(names) < 4:
        names[world.make(maker)] = None
    return list(names)


def _told_of(rng: Random, thing: Thing, name: str) -> Told:
    change = redrawing.renumbering(rng, " ".join(fact.said for fact in thing.facts))
    facts = [_changed(fact.of(name), change) for fact in thing.facts]
    rng.shuffle(facts)
    count = rng.randint(_FEWEST_TOLD, min(_MOST_TOLD, len(facts) - 1))
    passage = _passage(rng, thing, name, facts[:count])
    asks = tuple(
        (as_people_type(rng, question, keep=name), fact.value)
        for fact in facts[:count]
        # Where sentences were joined, it may not begin as it did.
        if fact.value in passage.text
        for question in _some(rng, fact)
    )
    open_ = tuple(_asked(rng, fact, name) for fact in facts[count:])
    return Told(((passage, asks),), open_)


def _changed(fact: Fact, change: redrawing.Change) -> Fact:
    asked = tuple(map(change, fact.asked))
    return replace(fact, value=change(fact.value), said=change(fact.said), asked=asked)


def _some(rng: Random, fact: Fact) -> list[str]:
    """Mostly of those in other words."""
    asked = rng.sample(fact.in_other_words, min(_ASKED_OF_EACH - 1, len(fact.in_other_words)))
    return [*asked, rng.choice(fact.in_its_words)]


def _asked(rng: Random, fact: Fact, name: str) -> str:
    return as_people_type(rng, rng.choice(_some(rng, fact)), keep=name)


def _passage(rng: Random, thing: Thing, name: str, facts: Sequence[Fact]) -> Passage:
    title, heading, _ = phrasing.title(rng, name or thing.kind)
    said = [phrasing.capitalised(fact.said) for fact in facts]
    form = rng.random()
    if form < 0.55:
        text = phrasing.prose(rng, said)
    elif form < 0.7:
        text = "\n".join(f"- {each}" for each in said)
    elif form < 0.85:
        text = "\n".join(f"{phrasing.capitalised(fact.what)}: {fact.value}" for fact in facts)
    else:
        pairs = {phrasing.key(rng, fact.what): fact.value for fact in facts}
        text = phrasing.code(rng, phrasing.key(rng, name or thing.kind), pairs, named=True)
    return Passage(title, heading, text)
