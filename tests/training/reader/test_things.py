from collections import Counter
from random import Random

import pytest

from router.prompts import MAX_PASSAGE_BYTES
from training.reader import things
from training.reader.things import IN_ITS_WORDS, Thing, read
from training.reader.told import Told
from training.reader.worlds import World

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


def some(count: int, *, held_out: bool = False) -> list[Told]:
    rng = Random(3)
    world = World(rng, held_out=held_out)
    return [things.tell(world, rng, most=3, held_out=held_out) for _ in range(count)]


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


def test_answers_stand_in_their_passages_which_fit_a_prompt() -> None:
    for told in some(600):
        for passage, asks in told.sources:
            assert len(passage.text.encode()) < MAX_PASSAGE_BYTES
            for question, answer in asks:
                assert answer in passage.text, question


def test_what_is_open_is_not_told() -> None:
    for told in some(300):
        asked = {question for _, asks in told.sources for question, _ in asks}
        assert told.open
        assert not asked & set(told.open)


def test_most_questions_are_in_other_words_and_several_things_have_other_names() -> None:
    several = [told for told in some(200) if len(told.sources) > 1]
    assert len(several) > 60
    for told in several[:20]:
        passages = [passage for passage, _ in told.sources]
        assert len(set(passages)) == len(passages)
    of = {q: n for each in THINGS for f in each.facts for n, q in enumerate(f.asked)}
    asked = [question for told in some(200) for _, asks in told.sources for question, _ in asks]
    plain = [of[each] < IN_ITS_WORDS for each in asked if each in of]
    assert 0.2 < sum(plain) / len(plain) < 0.5


def test_same_seed_tells_the_same() -> None:
    assert some(20) == some(20)


def test_file_is_read_whole() -> None:
    (ferry,) = read(WRITTEN)
    assert ferry.is_named
    (fare,) = ferry.facts
    assert fare.of("Ilse").said == "A ticket of Ilse costs 9 EUR."
    assert fare.of("Ilse").in_other_words == ("how much for Ilse",)


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


def test_held_out_things_are_told_only_when_asked_for() -> None:
    """By the questions without a name, which are as they were written."""
    kept, learned = (
        {question for each in part for fact in each.facts for question in fact.asked}
        for part in (things.kept_back(), things.learned_from())
    )
    for held_out, foreign in ((False, kept), (True, learned)):
        told = some(150, held_out=held_out)
        assert not foreign & {q for each in told for _, asks in each.sources for q, _ in asks}
