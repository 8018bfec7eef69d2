"""Passages of running text with several facts each, from stories.toml."""

import re
import tomllib
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from router.prompts import Passage
from training.haste import as_people_type
from training.reader import phrasing
from training.reader.told import Source, Told
from training.reader.worlds import World

STORIES = Path(__file__).with_name("stories.toml")
_SLOT = re.compile(r"\{(\w+)\}")


@cache
def _stories() -> list[dict[str, Any]]:
    return list(tomllib.loads(STORIES.read_text())["story"])


def tell(world: World, rng: Random, *, most: int, unseen: bool) -> Told:
    """Up to `most` passages, often the same story of two things.

    Each story has things of its own, so that no story answers what another leaves open.
    """
    usable = [s for i, s in enumerate(_stories()) if (i % 9 == 4) == unseen]
    told = Told()
    while len(told.sources) < most:
        story = rng.choice(usable)
        neighbours = min(rng.choice([1, 2, 2]), most - len(told.sources))
        things = list(dict.fromkeys(world.make(story["of"]) for _ in range(neighbours)))
        slots = [_slots(world, rng, story, thing) for thing in things]
        sources = tuple(_source(rng, story, each) for each in slots)
        told += Told(sources, tuple(_open(world, rng, story, slots)))
        usable = [s for s in usable if s["of"] != story["of"]]
        if not usable:
            break
    return told


def _source(rng: Random, story: dict[str, Any], slots: dict[str, str]) -> Source:
    title, heading, _ = phrasing.title(rng, slots["e"], headings=story["heading"])
    text = phrasing.capitalised(story["text"].format(**slots))
    asks = [
        (as_people_type(rng, question.format(**slots), keep=slots["e"]), answer)
        for question, answer in ((q, a.format(**slots)) for q, a in story["asks"])
    ]
    return Passage(title, heading, text), tuple(asks)


def _slots(world: World, rng: Random, story: dict[str, Any], thing: str) -> dict[str, str]:
    made = {name: _value(world, rng, maker) for name, maker in story["slots"].items()}
    return {**made, "e": thing}


def _value(world: World, rng: Random, maker: str | list[str]) -> str:
    return rng.choice(maker) if isinstance(maker, list) else world.make(maker)


def _open(
    world: World, rng: Random, story: dict[str, Any], told: list[dict[str, str]]
) -> list[str]:
    """What the story leaves open of its things, and what it would say of a stranger."""
    questions = [question.format(**slots) for question in story["none"] for slots in told]
    stranger = world.make(story["of"])
    if stranger not in {slots["e"] for slots in told}:
        # Only what can be asked without a value of the stranger's own.
        general = [q for q, _ in story["asks"] if set(_SLOT.findall(q)) == {"e"}]
        asked = rng.sample(general, min(2, len(general)))
        questions += [question.format(e=stranger) for question in asked]
    return [as_people_type(rng, q, keep=told[0]["e"]) for q in questions]
