"""Which phrasing of which fact is never taught, so that recall can be measured. Pure.

Every fact is taught. A share of the facts gives up one phrasing for the test set, another share
one for the validation set. Where a fact falls depends on that phrasing and the seed alone, so that
facts which come later move nobody from one set to the other, and never bring a phrasing that
was taught before among those that are asked. Nor does an edit, which names all facts of a passage
anew and leaves the questions as they are.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from training.datasets.material import Pair, WordForm, draw, word_form
from training.mixture import BORDER

Split = Literal["test", "validation"]

# Of each set, when there are that many facts. Below 59 test questions without an error nothing can
# be certified (`training.calibration`); of fewer than 24 a difference of models is mere chance.
LEAST: Mapping[Split, int] = {"test": 80, "validation": 24}
LEAST_REFUSALS = 24
# 200 questions are a slice that can be compared. Validation is generated again and again.
MOST: Mapping[Split, int] = {"test": 200, "validation": 150}
# A fact with mined phrasings only is taught by their variety: that many stay.
LEAST_MINED_LEFT = 4


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A pair that is asked and not taught, nor is any other with the same words."""

    split: Split
    pair: Pair


def hold_out(
    facts: Mapping[str, Sequence[Pair]], *, seed: int, test: float, validation: float
) -> dict[str, HeldOut]:
    """By fact, what it gives up. `test` and `validation` are shares of the facts."""
    used = Counter(
        form for pairs in facts.values() for form in {word_form(pair.question) for pair in pairs}
    )
    offered = {fact: pair for fact in facts if (pair := _offer(facts[fact], seed, used))}
    places = sorted((draw(seed, "split", pair.question), fact) for fact, pair in offered.items())
    # The two sets grow from the two ends of one line and never meet.
    low = [(place, fact) for place, fact in places if place < BORDER]
    high = [(1 - place, fact) for place, fact in reversed(places) if place >= BORDER]
    asked: dict[Split, list[str]] = {
        "test": _first(low, test, LEAST["test"], MOST["test"]),
        "validation": _first(high, validation, LEAST["validation"], MOST["validation"]),
    }
    return {fact: HeldOut(split, offered[fact]) for split in asked for fact in asked[split]}


def _first(side: Sequence[tuple[float, str]], share: float, least: int, most: int) -> list[str]:
    if share == 0:
        return []
    return [fact for rank, (place, fact) in enumerate(side[:most]) if place < share or rank < least]


def _offer(pairs: Sequence[Pair], seed: int, used: Mapping[WordForm, int]) -> Pair | None:
    """The phrasing that a fact can do without, a person's if there is one."""
    forms: dict[WordForm, list[Pair]] = {}
    for pair in pairs:
        forms.setdefault(word_form(pair.question), []).append(pair)
    people = [pair for pair in pairs if pair.by_person]
    if len(forms) < (2 if people else 1 + LEAST_MINED_LEFT):
        return None
    chosen = min(people or pairs, key=lambda pair: draw(seed, "phrasing", pair.question))
    form = word_form(chosen.question)
    # Words that another fact is asked with too would be taught there.
    return chosen if form and used[form] == 1 else None
