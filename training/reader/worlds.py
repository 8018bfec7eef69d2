"""Names and values of invented companies, drawn from vocabulary.toml by a given generator."""

import re
import tomllib
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

VOCABULARY = Path(__file__).with_name("vocabulary.toml")
_SLOT = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"([\d,]+)-([\d,]+)(?:/(\d+))?")


@cache
def _vocabulary() -> dict[str, dict[str, Any]]:
    read = tomllib.loads(VOCABULARY.read_text())
    read["words"] = {name: words.split() for name, words in read["words"].items()}
    return read


class World:
    """One company. `held_out` companies use words for their names that no others use."""

    def __init__(self, rng: Random, *, held_out: bool = False) -> None:
        self._rng = rng
        self._held_out = held_out
        # Names of one company look alike.
        self._style = rng.random()
        ending = rng.choice(["example", "test", "internal", "corp.example", "lan"])
        self._company = (
            f"{self._word('noun')}{rng.choice(['', '-group', 'works', 'ware'])}.{ending}"
        )

    def make(self, entry: str) -> str:
        """A value or a thing, such as `make("port")`."""
        forms = _vocabulary()["values"].get(entry)
        if forms is None:
            return self._word(entry)
        if entry == "service" and self._rng.random() < 0.7:
            return self._fill(forms[int(self._style * len(forms))])
        return self._fill(self._rng.choice(forms))

    def qualifiers(self, kind: str) -> list[str]:
        """Three that exclude each other, such as environments."""
        chosen = list(self._rng.choice(_vocabulary()["qualifiers"][kind]))
        self._rng.shuffle(chosen)
        return chosen

    def _fill(self, form: str) -> str:
        # Square brackets are for braces that stay.
        filled = _SLOT.sub(lambda slot: self._slot(slot[1]), form)
        return filled.replace("[", "{").replace("]", "}")

    def _slot(self, slot: str) -> str:
        if "|" in slot:
            return self._rng.choice(slot.split("|"))
        if bounds := _RANGE.fullmatch(slot):
            return self._number(*bounds.groups())
        if slot == "company":
            return self._company
        made = self.make(slot.lower())
        if slot.isupper():
            return made.upper()
        return made[:1].upper() + made[1:] if slot[:1].isupper() else made

    def _number(self, low: str, high: str, step: str | None) -> str:
        first, last = (int(bound.replace(",", "")) for bound in (low, high))
        number = self._rng.randrange(first, last + 1, int(step or 1))
        return f"{number:,}" if "," in low else str(number)

    def _word(self, name: str) -> str:
        words = _vocabulary()["words"][name]
        usable = [w for i, w in enumerate(words) if (i % 4 == 0) == self._held_out]
        return str(self._rng.choice(usable))
