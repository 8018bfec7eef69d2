from collections import Counter

import pytest

from training.reader import things
from training.reader.things import Thing, read

THINGS = things.things()
WRITTEN = """
[[thing]]
kind = "ferry"
[[thing.fact]]
what = "fare"
value = "9 EUR"
said = "A ticket of {name} costs 9 EUR."
asked = ["What does {name} cost?", "Fare of {name}?", "Price of {name}?", "how much for {name}"]
"""


@pytest.mark.parametrize("thing", THINGS, ids=lambda each: each.kind.replace(" ", "-"))
def test_facts_of_a_thing_are_told_apart(thing: Thing) -> None:
    assert len(thing.facts) >= 10
    asked = Counter(each.lower() for fact in thing.facts for each in fact.asked)
    assert [each for each, times in asked.items() if times > 1] == []
    assert len({fact.what for fact in thing.facts}) == len(thing.facts)
    assert all(len(fact.in_other_words) >= 4 for fact in thing.facts)


def test_kinds_differ() -> None:
    assert len({each.kind for each in THINGS}) == len(THINGS) >= 150


def test_nothing_is_learned_from_and_measured_on() -> None:
    learned, kept = things.learned_from(), things.kept_back()
    assert len(kept) >= 15
    assert len(learned) + len(kept) == len(THINGS)
    assert not set(learned) & set(kept)


def test_file_is_read_whole() -> None:
    (ferry,) = read(WRITTEN)
    (fare,) = ferry.facts
    assert (ferry.kind, fare.value) == ("ferry", "9 EUR")
    assert fare.in_its_words == ("What does {name} cost?", "Fare of {name}?", "Price of {name}?")
    assert fare.in_other_words == ("how much for {name}",)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("costs 9 EUR", "costs 8 EUR"),
        ("Fare of {name}?", "Price of {name}?"),
        (', "how much for {name}"', ""),
    ],
)
def test_file_written_otherwise_is_refused(before: str, after: str) -> None:
    with pytest.raises(ValueError, match="ferry, fare"):
        read(WRITTEN.replace(before, after))
