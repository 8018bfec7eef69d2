"""Facts that are hard to tell apart, each asked in many words: `things/`, whose README says how
they are written.

The model that tells which questions ask the same learns from them.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

THINGS = Path(__file__).with_name("things")
NAME = "{name}"
# Of the questions of a fact, so many are in the words of its document; the others are not.
IN_ITS_WORDS = 3
# Every so many things nothing learns from one more.
KEPT_BACK, FIRST_KEPT_BACK = 8, 3


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


@dataclass(frozen=True, slots=True)
class Thing:
    """Facts of one kind of thing, all of which its documents may tell."""

    kind: str
    facts: tuple[Fact, ...]


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
