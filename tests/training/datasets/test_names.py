import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.datasets.names import propose, runs_of, without, word_run

words = st.sampled_from(
    ["quay", "crane", "gate", "pilot", "harbour", "rope", "tide", "mast", "anchor", "buoy"]
)
names = st.one_of(
    st.builds("{}-{}".format, words, words),
    st.builds("{}_{}_{}".format, words, words, words),
    st.builds(lambda one, two: one.title() + two.title(), words, words),
    st.builds("{}-{}".format, st.sampled_from(["HC", "QX", "INC"]), st.integers(10, 9_999)),
    words.map(str.title),
)


def shape(name: str) -> str:
    """`quay-crane` as `a-a`, `HC-4221` as `A-0000`."""
    letters = re.sub(r"[A-Z](?![a-z])", "A", re.sub(r"\d", "0", name))
    return re.sub(r"[A-Z][a-z]+", "Aa", re.sub(r"(?<![A-Za-z])[a-z]+", "a", letters))


@given(st.sets(names, min_size=1, max_size=8), st.integers(0, 3))
def test_invented_names_are_new_and_each_of_one_side(subjects: set[str], seed: int) -> None:
    proposed = propose(subjects, seed=seed)
    real = {word_run(subject) for subject in subjects}
    taught = {word_run(name) for sides in proposed.values() for name in sides["taught"]}
    asked = {word_run(name) for sides in proposed.values() for name in sides["asked"]}
    assert not (taught | asked) & real
    assert not taught & asked
    assert taught
    assert asked


@given(names, st.integers(0, 3))
def test_invented_name_has_the_shape_of_the_real_one(subject: str, seed: int) -> None:
    for found in propose([subject], seed=seed)[subject].values():
        assert {shape(name) for name in found} <= {shape(subject)}


@given(st.sets(names, min_size=1, max_size=8), st.data())
def test_names_that_exist_are_taken_out(subjects: set[str], data: st.DataObject) -> None:
    proposed = propose(subjects, seed=1)
    existing = data.draw(st.sets(st.sampled_from(sorted(runs_of(proposed)))))
    assert runs_of(without(proposed, existing)) == runs_of(proposed) - existing


@pytest.mark.parametrize(
    ("subject", "kept"),
    [("the Payments API", "API"), ("Payments Service", "Service"), ("data of crane", "of")],
)
def test_words_that_name_nothing_stay(subject: str, kept: str) -> None:
    for found in propose([subject], seed=1)[subject].values():
        assert found
        assert all(kept in name.split() for name in found)


@pytest.mark.parametrize("seed", range(20))
def test_a_letter_of_an_identifier_becomes_no_part_of_a_name(seed: int) -> None:
    proposed = propose({"w-quay", "seat-holds", "deck-holds"}, seed=seed)
    found = [name for side in proposed["seat-holds"].values() for name in side]
    assert found
    assert all(min(map(len, name.split("-"))) > 1 for name in found)


@given(seed=st.integers(0, 50))
def test_no_invented_name_has_that_of_a_real_thing_within(seed: int) -> None:
    proposed = propose({"Kneadwell", "Kneadwell dough room", "amber-weir"}, seed=seed)
    rooms = [name for found in proposed["Kneadwell dough room"].values() for name in found]
    assert rooms
    assert not any("kneadwell" in name.lower() for name in rooms)
    # Half a name of two words is nobody's by itself.
    assert any(proposed["amber-weir"].values())
