"""What is refused has no answer anywhere, and what is asked later was never refused before."""

import re
import time
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from router.prompts import Passage
from tests.training.datasets.material import ASKED, things
from training.datasets.attributes import asked_of
from training.datasets.material import Material, Retired, Source, word_form
from training.datasets.names import propose, word_run
from training.datasets.refusals import Part, Refusals, Unanswerable
from training.datasets.texts import Texts

NAMES = ("quay-crane", "tide-gate", "rope-store", "mast-shop", "buoy-yard", "pilot-house")
WANTED: Mapping[Part, int] = {"train": 60, "validation": 20, "test": 20}


def refusals(
    material: Material, *, named: bool = True, seed: int = 1
) -> dict[Part, list[Unanswerable]]:
    asked = asked_of(material)
    names = propose({each.surface for each in asked}, seed=seed) if named else {}
    return Refusals(material, Texts(material), asked, set(), names, seed).choose(WANTED)


def subject_in(question: str) -> str:
    found = re.search(r"[\w]+-[\w]+", question)
    assert found, question
    return found[0]


@given(
    st.dictionaries(
        st.sampled_from(NAMES), st.sets(st.sampled_from(sorted(ASKED)), min_size=1), min_size=2
    ),
    st.integers(0, 3),
)
@settings(deadline=None, max_examples=40)
def test_nothing_that_is_refused_is_known(attributes: dict[str, set[str]], seed: int) -> None:
    material = things(sorted(attributes), attributes)
    known = {word_form(pair.question) for pair in material.pairs}
    has = {
        (name, question.format("·"))
        for name, own in attributes.items()
        for attribute in own
        for question in ASKED[attribute]
    }
    seen: set[frozenset[str]] = set()
    for found in refusals(material, seed=seed).values():
        for each in found:
            name = subject_in(each.question)
            assert (name, each.question.replace(name, "·")) not in has
            assert word_form(each.question) not in known | seen
            seen.add(word_form(each.question))
            assert each.document in material.sources


@given(st.integers(0, 20))
@settings(deadline=None, max_examples=10)
def test_strangers_of_training_validation_and_test_differ(seed: int) -> None:
    found = refusals(things(NAMES), seed=seed)
    strangers = {
        part: {word_run(subject_in(each.question)) for each in asked}
        for part, asked in found.items()
    }
    assert [len(asked) for asked in found.values()] == [60, 20, 20]
    assert not strangers["train"] & (strangers["validation"] | strangers["test"])
    assert not strangers["validation"] & strangers["test"]
    for names in strangers.values():
        assert not {word_run(name) for name in NAMES} & names


def lacking(material: Material) -> set[str]:
    return {each.question for found in refusals(material, named=False).values() for each in found}


def test_what_others_have_and_one_lacks_is_refused() -> None:
    attributes = dict.fromkeys(NAMES, ("port", "owner", "berth")) | {"quay-crane": ("port",)}
    found = lacking(things(NAMES, attributes))
    assert found
    assert found <= {
        question.format("quay-crane") for name in ("owner", "berth") for question in ASKED[name]
    }


def test_thing_of_another_kind_is_not_refused_what_it_could_not_have() -> None:
    attributes: dict[str, tuple[str, ...]] = dict.fromkeys(NAMES[:4], ("port", "owner"))
    attributes |= {"quay-crane": ("port",), "pilot-house": ("berth",)}
    found = lacking(things((*NAMES[:4], "pilot-house"), attributes))
    assert {subject_in(question) for question in found} == {"quay-crane"}


def test_memory_is_for_the_rows_of_a_long_table_and_not_for_pairs_of_them() -> None:
    names = [f"pump-{number}" for number in range(1_500)]
    material = things(names, dict.fromkeys(names, ("port",)))
    made = Refusals(material, Texts(material), asked_of(material), set(), {}, 1)
    tracemalloc.start()
    try:
        made.choose(dict.fromkeys(WANTED, 0))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 16 << 20


def test_longer_name_of_a_thing_is_not_refused_what_the_thing_has() -> None:
    names = (*NAMES, "quay-crane-works")
    attributes = dict.fromkeys(NAMES, ("port", "owner")) | {"quay-crane-works": ("port",)}
    assert lacking(things(names, attributes)) == set()
    without = dict.fromkeys(NAMES, ("port", "owner")) | {
        "quay-crane": ("port",),
        "quay-crane-works": ("port",),
    }
    assert {subject_in(question) for question in lacking(things(names, without))} == {"quay-crane"}


def test_what_a_passage_tells_without_a_pair_is_not_refused() -> None:
    attributes = dict.fromkeys(NAMES, ("port", "owner")) | {"quay-crane": ("port",)}
    material = things(NAMES, attributes)
    told = Passage("Night rounds", "", "The crew that owns quay-crane is the night watch.", "n.md")
    source = Source(99, "n", "wiki", "Night rounds", "n.md", passages={"n": told})
    assert lacking(Material(material.pairs, {**material.sources, 99: source})) == set()


def test_value_of_the_same_shape_is_a_sign_of_an_answer() -> None:
    attributes = dict.fromkeys(NAMES, ("port", "berth")) | {"quay-crane": ("port",)}

    def material(answer: str) -> Material:
        made = things(NAMES, attributes)
        passage = Passage("quay-crane", "where", "pier: eu-west-9", "quay-crane.md")
        source = Source(98, "x", "wiki", "quay-crane", "q.md", passages={"x": passage})
        pairs = tuple(
            replace(pair, answer=answer) if pair.fact.endswith("/berth") else pair
            for pair in made.pairs
        )
        return Material(pairs, {**made.sources, 98: source})

    assert lacking(material("sector 4"))
    assert lacking(material("us-east-1")) == set()


def gone(text: str, question: str, answer: str, document: int = 77) -> Retired:
    name = subject_in(question)
    return Retired(document, "wiki", name, f"{name}.md", f"{name}/old", question, answer, text)


def test_question_of_a_removed_document_is_refused() -> None:
    question = "How deep is the dock of coal-pier?"
    removed = gone("The dock of coal-pier is 7 m deep.", question, "7 m")
    assert lacking(things(NAMES, retired=[removed])) == {question}


def test_question_whose_answer_has_only_changed_is_not_refused() -> None:
    material = things(NAMES)
    question, text = "At what number does tide-gate listen?", "tide-gate listens on port X."
    changed = gone(text, question, "X", document=2)
    assert lacking(Material(material.pairs, material.sources, (changed,))) == set()


def test_thousands_of_facts_that_are_gone_are_not_each_sought_in_thousands_of_passages() -> None:
    names = [f"pump-{number}" for number in range(3_000)]
    material = things(names, dict.fromkeys(names, ("port",)))
    removed = [
        Retired(
            document=number,
            domain="wiki",
            title="Rounds",
            path="rounds.md",
            fact=f"fact {number}",
            question=f"At what depth was buoy-{number} laid?",
            answer=f"b-{number}/{number}",
            evidence=f"buoy-{number} was laid at b-{number}/{number}.",
        )
        for number in range(10_000, 13_000)
    ]
    material = Material(material.pairs, material.sources, tuple(removed))
    made = Refusals(material, Texts(material), asked_of(material), set(), {}, 1)
    started = time.process_time()
    chosen = made.choose(WANTED)
    assert time.process_time() - started < 10
    assert all(each.question.startswith("At what depth") for each in chosen["train"])
    assert chosen["train"]
