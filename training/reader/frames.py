"""Passages that state single facts in many forms, from frames.toml."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from router.prompts import Passage
from training.haste import as_people_type
from training.reader import phrasing
from training.reader.told import Source, Told
from training.reader.worlds import World

FRAMES = Path(__file__).with_name("frames.toml")


@dataclass(frozen=True, slots=True)
class Fact:
    """`value` is what a frame says of `thing`, under `qualifier` if there is one.

    `formerly` is an outdated value that may be told beside it; empty if there is none.
    """

    thing: str
    frame: int
    value: str
    qualifier: str = ""
    formerly: str = ""

    @property
    def form(self) -> dict[str, Any]:
        return _frames()[self.frame]

    @property
    def condition(self) -> str:
        return f" ({self.qualifier})" if self.qualifier else ""


@cache
def _frames() -> list[dict[str, Any]]:
    return list(tomllib.loads(FRAMES.read_text())["frame"])


def tell(world: World, rng: Random, *, most: int, unseen: bool) -> Told:
    """Up to `most` passages about two to four things of one kind, with overlapping facts."""
    if most < 1:
        return Told()
    usable = [n for n in range(len(_frames())) if (n % 9 == 4) == unseen]
    kind = _frames()[rng.choice(usable)]["kind"]
    usable = [n for n in usable if _frames()[n]["kind"] == kind]
    things = _distinct(lambda: world.make(kind), rng.choice([2, 2, 3, 3, 4]))
    told = rng.sample(usable, min(len(usable), rng.randint(3, 7)))
    facts = [fact for number in told for fact in _facts(world, rng, number, things)]
    sources = _write(rng, kind, facts)
    rng.shuffle(sources)
    open_ = [_missing(world, rng, kind, things, usable, facts) for _ in range(6)]
    return Told(tuple(sources[:most]), tuple(_ask(rng, fact) for fact in open_ if fact is not None))


def questions_by_kind(name: str) -> list[tuple[tuple[str, ...], ...]]:
    """Of each kind of thing the questions on each of its facts, about a thing of that `name`."""
    by_kind: dict[str, list[tuple[str, ...]]] = {}
    for form in _frames():
        if not form.get("qualified"):
            asked = tuple(str(each).format(e=name) for each in form["asks"])
            by_kind.setdefault(form["kind"], []).append(asked)
    return [tuple(facts) for facts in by_kind.values()]


def _facts(world: World, rng: Random, number: int, things: list[str]) -> list[Fact]:
    """The frame's facts for some of the things, all with different values."""
    form = _frames()[number]
    spots = [(thing, "") for thing in things]
    if form.get("qualified"):
        qualifiers = world.qualifiers(form["kind"])[:2]
        spots = [(thing, qualifier) for thing in things for qualifier in qualifiers]
    spots = [spot for spot in spots if rng.random() < 0.75]
    values = _distinct(lambda: _value(world, rng, form), len(spots) + 1)
    formerly = values.pop() if len(values) > len(spots) and "value" in form else ""
    return [
        Fact(thing, number, value, qualifier, formerly)
        for (thing, qualifier), value in zip(spots, values, strict=False)
    ]


def _value(world: World, rng: Random, form: dict[str, Any]) -> str:
    return str(rng.choice(form["values"]) if "values" in form else world.make(form["value"]))


def _distinct(make: Callable[[], str], count: int) -> list[str]:
    """Up to `count` different results of `make`."""
    found: dict[str, None] = {}
    for _ in range(8 * count):
        if len(found) == count:
            break
        found[make()] = None
    return list(found)


# --- Passages ----------------------------------------------------------------------------------
def _write(rng: Random, kind: str, facts: list[Fact]) -> list[Source]:
    """The facts of one thing together, and now and then some of all things side by side."""
    rng.shuffle(facts)
    shared: list[Fact] = []
    if rng.random() < 0.4:
        crossing = {fact.frame for fact in facts[:2]}
        shared = [fact for fact in facts if fact.frame in crossing]
    sources = []
    for thing in dict.fromkeys(fact.thing for fact in facts):
        own = [fact for fact in facts if fact.thing == thing and fact not in shared]
        size = rng.choice([2, 3, 4, 6])
        for start in range(0, len(own), size):
            part = own[start : start + size]
            sources.append((_of_one(rng, thing, part), _asks(rng, part)))
    if shared:
        sources.append((_across(rng, kind, shared), _asks(rng, shared)))
    return sources


def _of_one(rng: Random, thing: str, facts: list[Fact]) -> Passage:
    write = rng.choice([_prose, _prose, _prose, _bullets, _table, _code, _code, _notes])
    title, heading, named = phrasing.title(rng, thing)
    return Passage(title, heading, write(rng, facts, named=named))


def _across(rng: Random, kind: str, facts: list[Fact]) -> Passage:
    """Several things in one place: a table with a row for each, or sentences side by side."""
    title, heading = phrasing.overview(rng, kind)
    if rng.random() < 0.4:
        sentences = [_sentence(rng, fact) for fact in facts]
        return Passage(title, heading, phrasing.contrast(rng, sentences))
    labels = {fact.frame: rng.choice(fact.form["label"]) for fact in facts}
    rows = []
    for thing in dict.fromkeys(fact.thing for fact in facts):
        cells = [
            f"{labels[fact.frame]}{fact.condition}: {fact.value}"
            for fact in facts
            if fact.thing == thing
        ]
        rows.append("; ".join([f"{kind.capitalize()}: {thing}", *cells]))
    return Passage(title, heading, "\n".join(rows))


def _prose(rng: Random, facts: list[Fact], *, named: bool) -> str:
    sentences = [
        _sentence(rng, fact, pronoun=(named or position > 0) and rng.random() < 0.55)
        for position, fact in enumerate(facts)
    ]
    return phrasing.prose(rng, sentences)


def _bullets(rng: Random, facts: list[Fact], *, named: bool) -> str:
    lines = [
        _sentence(rng, fact, pronoun=named and rng.random() < 0.5)
        if rng.random() < 0.5
        else f"{_label(rng, fact, named=named)}: {fact.value}"
        for fact in facts
    ]
    if rng.random() < 0.4:
        lines.insert(rng.randint(0, len(lines)), phrasing.filler(rng))
    return "\n".join(f"- {line}" for line in lines)


def _table(rng: Random, facts: list[Fact], *, named: bool) -> str:
    """Rows as parsed documents have them: each cell with its column's header."""
    name, value = phrasing.columns(rng)
    return "\n".join(
        f"{name}: {_label(rng, fact, named=named)}; {value}: {fact.value}" for fact in facts
    )


def _code(rng: Random, facts: list[Fact], *, named: bool) -> str:
    pairs = {}
    for fact in facts:
        key = phrasing.key(rng, fact.form["label"][0])
        where = "_".join(fact.qualifier.removeprefix("the ").split())
        pairs[f"{where}.{key}" if where else key] = fact.value
    section = phrasing.key(rng, facts[0].thing)
    return phrasing.code(rng, section, pairs, named=named)


def _notes(rng: Random, facts: list[Fact], *, named: bool) -> str:
    """As told in a meeting or a change log: a fact may have had another value before."""
    lines = []
    for fact in facts:
        line = _sentence(rng, fact, pronoun=named and rng.random() < 0.4)
        if fact.formerly and rng.random() < 0.5:
            line = phrasing.formerly(rng, line, fact.formerly)
        lines.append(line)
    return phrasing.prose(rng, lines)


def _label(rng: Random, fact: Fact, *, named: bool) -> str:
    of = "" if named else f" of {fact.thing}"
    return f"{rng.choice(fact.form['label'])}{of}{fact.condition}"


def _sentence(rng: Random, fact: Fact, *, pronoun: bool = False) -> str:
    said = rng.choice(fact.form["says"])
    thing = fact.thing
    if pronoun:
        thing = phrasing.pronoun(rng, fact.form["kind"])
        said = said.replace("`{e}`", "{e}")
    return phrasing.capitalised(said.format(e=thing, v=fact.value, q=fact.qualifier))


# --- Questions ---------------------------------------------------------------------------------
def _asks(rng: Random, facts: list[Fact]) -> tuple[tuple[str, str], ...]:
    return tuple((_ask(rng, fact), _answer(fact)) for fact in facts)


def _ask(rng: Random, fact: Fact) -> str:
    if rng.random() < 0.15:
        label = rng.choice(fact.form["label"]).lower()
        words = [f"{fact.thing} {fact.qualifier}", label]
        rng.shuffle(words)
        asked = " ".join(" ".join(words).split())
    else:
        asked = rng.choice(fact.form["asks"]).format(e=fact.thing, q=fact.qualifier)
    return as_people_type(rng, asked, keep=fact.thing)


def _answer(fact: Fact) -> str:
    if "answer" not in fact.form:
        return fact.value
    return phrasing.capitalised(fact.form["answer"].format(e=fact.thing, v=fact.value))


def _missing(
    world: World, rng: Random, kind: str, things: list[str], usable: list[int], facts: list[Fact]
) -> Fact | None:
    """Something near what is told of this kind, which is not told; None if chance finds nothing."""
    told = {(fact.thing, fact.frame, fact.qualifier) for fact in facts}
    for _ in range(8):
        seen = rng.choice(facts) if facts else Fact(things[0], rng.choice(usable), "")
        near = rng.choice(
            [
                replace(seen, thing=rng.choice(things)),  # told of a neighbour only
                replace(seen, thing=world.make(kind)),  # nobody knows it
                replace(seen, frame=rng.choice(usable)),  # known, but not this of it
            ]
        )
        qualified = bool(near.form.get("qualified"))
        near = replace(near, qualifier=rng.choice(world.qualifiers(kind)) if qualified else "")
        if (near.thing, near.frame, near.qualifier) not in told:
            return near
    return None
