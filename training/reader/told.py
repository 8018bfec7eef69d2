"""What a part of an exercise tells and leaves open."""

from dataclasses import dataclass
from typing import Self

from router.prompts import Passage

Source = tuple[Passage, tuple[tuple[str, str], ...]]
"""A passage, and the questions that it alone answers with their answers."""


@dataclass(frozen=True, slots=True)
class Told:
    sources: tuple[Source, ...] = ()
    open: tuple[str, ...] = ()
    """Questions close to the passages that none of them answers."""

    def __add__(self, other: Self) -> "Told":
        return Told(self.sources + other.sources, self.open + other.open)
