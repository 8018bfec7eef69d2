from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from training.datasets.material import Pair, word_form
from training.datasets.splits import LEAST, MOST, HeldOut, hold_out

# A fact is a name and how many phrasings of each kind it has.
facts_ = st.dictionaries(
    st.text("abcdefghij", min_size=3, max_size=8),
    st.tuples(st.integers(0, 4), st.integers(0, 7)).filter(any),
    max_size=60,
)


def phrased(fact: str, people: int, mined: int) -> list[Pair]:
    return [
        Pair(number, 1, "passage", f"wording{number} of {fact}?", "9", fact, number < people)
        for number in range(people + mined)
    ]


def split(
    facts: dict[str, tuple[int, int]], seed: int = 1
) -> tuple[dict[str, list[Pair]], dict[str, HeldOut]]:
    pairs = {fact: phrased(fact, *counts) for fact, counts in facts.items()}
    return pairs, hold_out(pairs, seed=seed, test=0.2, validation=0.2)


@given(facts_, st.integers(0, 5))
def test_every_fact_stays_taught_and_no_words_that_are_asked_are(
    facts: dict[str, tuple[int, int]], seed: int
) -> None:
    pairs, held_out = split(facts, seed)
    unseen = {word_form(held.pair.question) for held in held_out.values()}
    for fact, (people, mined) in facts.items():
        left = [pair for pair in pairs[fact] if word_form(pair.question) not in unseen]
        assert len(left) >= people + mined - 1
        assert left
        if fact in held_out:
            assert held_out[fact].pair.by_person == bool(people)
            assert people or len(left) >= 4


@given(facts_, facts_)
def test_no_fact_changes_its_set_or_begins_to_be_asked_when_others_come(
    facts: dict[str, tuple[int, int]], others: dict[str, tuple[int, int]]
) -> None:
    _, before = split(facts)
    _, after = split(others | facts)
    for fact in facts.keys() & after.keys():
        assert after[fact] == before[fact]


@given(facts_, st.integers(0, 5))
def test_facts_that_an_edit_names_anew_stay_in_their_sets(
    facts: dict[str, tuple[int, int]], seed: int
) -> None:
    pairs, before = split(facts, seed)
    renamed = {f"renamed {fact}": of_fact for fact, of_fact in pairs.items()}
    after = hold_out(renamed, seed=seed, test=0.2, validation=0.2)
    assert after == {f"renamed {fact}": held for fact, held in before.items()}


def many(count: int) -> dict[str, tuple[int, int]]:
    return {f"fact{number}": (3, 0) for number in range(count)}


def sizes(held_out: dict[str, HeldOut]) -> tuple[int, int]:
    splits = [held.split for held in held_out.values()]
    return splits.count("test"), splits.count("validation")


def test_sizes_are_shares_between_the_least_and_the_most() -> None:
    for count in (120, 200):
        _, small = split(many(count))
        assert sizes(small)[0] == LEAST["test"]
        assert sizes(small)[1] >= LEAST["validation"]
    _, middle = split(many(500))
    assert all(75 <= size <= 125 for size in sizes(middle))
    _, large = split(many(1_500))
    assert sizes(large) == (MOST["test"], MOST["validation"])


def test_facts_of_some_hundred_keep_their_set_entirely() -> None:
    _, before = split(many(600))
    _, after = split(many(700))
    assert before.items() <= after.items()


def test_no_share_no_set() -> None:
    pairs, _ = split(many(120))
    held_out = hold_out(pairs, seed=1, test=0, validation=0.2)
    assert sizes(held_out)[0] == 0
    assert sizes(held_out)[1] >= LEAST["validation"]


def held_of(*questions: str, by_person: Sequence[bool] = (True,) * 9) -> dict[str, HeldOut]:
    pairs = [
        Pair(number, 1, "p", question, "9", "fact", person)
        for number, (question, person) in enumerate(zip(questions, by_person, strict=False))
    ]
    return hold_out({"fact": pairs}, seed=1, test=0.5, validation=0.5)


def test_phrasings_of_the_same_words_are_one() -> None:
    same = ("What is the retry limit?", "what is THE limit, retry", "Retry limits - what is it?")
    assert held_of(same[0], same[1]) == {}
    assert held_of(*same, "How often is it tried?")


def test_words_that_another_fact_is_asked_with_are_not_held_out() -> None:
    def pair(fact: str, question: str) -> Pair:
        return Pair(1, 1, "p", question, "9", fact, by_person=True)

    facts = {
        fact: [pair(fact, "What is the limit?"), pair(fact, "The limit is what?")]
        for fact in ("one", "two")
    }
    assert hold_out(facts, seed=1, test=0.5, validation=0.5) == {}
