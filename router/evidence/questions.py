"""What a question asks about, as far as an answer can be held to it. Pure."""

import re
from dataclasses import dataclass

from router.evidence.claims import entities_of
from router.evidence.quantities import UNITS, Quantity, Unit
from router.text import fold, is_content, words

_HOW_MANY = re.compile(
    r"\b(?:how many|how much|number of|in) ([^\W\d_]{3,})\b|\(([^\W\d_]{1,12}|%)\)"
)
_HOW_LONG = re.compile(r"\bhow (?:long|soon|quickly|old)\b")
_DURATIONS = frozenset({"time", "month", "quarter", "year"})


@dataclass(frozen=True, slots=True)
class Question:
    """`stems` of its content words; the `units` that it mentions; the `entities` that it names;
    the dimensions of unit in which it wants its answer, if it says so."""

    stems: frozenset[str]
    units: frozenset[Unit]
    entities: tuple[str, ...]
    dimensions: frozenset[str]

    def wants(self, quantity: Quantity) -> bool:
        """`6 minutes` is no answer to `how many watts`; a bare number may be one."""
        if not self.dimensions or not quantity.units:
            return True
        return any(unit.dimension in self.dimensions for unit in quantity.units)


def read_question(text: str) -> Question:
    folded = fold(text).text
    own_words = words(folded)
    # Short names of units are everyday words, too: `in`, `a`, `m`.
    units = {unit for word in own_words if len(word.text) > 2 for unit in UNITS.get(word.text, ())}
    return Question(
        stems=frozenset(word.stem for word in own_words if is_content(word)),
        units=frozenset(units),
        entities=tuple(entities_of(text)),
        dimensions=_dimensions(folded),
    )


def _dimensions(folded: str) -> frozenset[str]:
    named = [first or second for first, second in _HOW_MANY.findall(folded)]
    wanted = {unit.dimension for name in named for unit in UNITS.get(name, ())}
    if wanted & _DURATIONS or (not wanted and _HOW_LONG.search(folded)):
        return _DURATIONS
    return frozenset(wanted)
