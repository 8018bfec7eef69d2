"""Rows and questions as a trainer gets them."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.prompts import REFUSAL, Passage, reader_messages, tuned_messages
from tests.training.datasets.material import things
from training.datasets.attributes import asked_of
from training.datasets.closed import QUOTE
from training.datasets.composing import Composition, compose, outline
from training.datasets.material import (
    Material,
    Pair,
    Source,
    in_peoples_words,
    without_contradictions,
    word_form,
)
from training.datasets.names import propose
from training.mixture import Mixture
from training.rows import Row

NAMES = tuple(
    f"{one}-{two}" for one in ("quay", "tide", "rope", "mast") for two in ("crane", "gate", "shop")
)


def composed(
    material: Material,
    mixture: Mixture | None = None,
    *,
    seed: int = 1,
    replay: tuple[Row, ...] = (),
) -> Composition:
    asked = asked_of(material)
    names = propose({each.surface for each in asked}, seed=seed)
    mixture = mixture or Mixture()
    return compose(material, asked=asked, names=names, replay=replay, mixture=mixture, seed=seed)


def asked_in(row: Row) -> str:
    return row.messages[-1]["content"]


@given(st.sets(st.sampled_from(NAMES), min_size=1), st.integers(0, 9))
@settings(deadline=None, max_examples=30)
def test_no_question_of_validation_or_test_is_in_the_training(names: set[str], seed: int) -> None:
    made = composed(things(sorted(names)), seed=seed)
    taught = {word_form(asked_in(row)) for row in made.train}
    asked = [*made.validation, *made.test]
    assert not taught & {word_form(question.question) for question in asked}
    assert len({word_form(question.question) for question in asked}) == len(asked)
    assert [question.id for question in made.test] == list(range(1, len(made.test) + 1))


@given(st.sets(st.sampled_from(NAMES), min_size=1), st.integers(0, 9))
@settings(deadline=None, max_examples=20)
def test_every_fact_has_about_the_same_number_of_rows(names: set[str], seed: int) -> None:
    material = things(sorted(names))
    made = composed(material, seed=seed)
    rows = Counter(row.fact for row in made.train if row.form == "closed")
    assert rows.keys() == material.facts.keys()
    assert set(rows.values()) == {10}
    answers = {pair.fact: pair.answer for pair in material.pairs}
    for row in made.train:
        if row.form == "closed":
            assert row.answer == answers[row.fact]
            assert row.messages == tuple(tuned_messages(asked_in(row)))


def test_variations_keep_the_name() -> None:
    made = composed(things(NAMES), Mixture(rows_per_fact=30))
    for row in made.train:
        if row.form == "closed":
            assert row.fact.split("/")[0] in asked_in(row)


def test_facts_keep_their_rows_when_others_come() -> None:
    few, more = composed(things(NAMES[:8])), composed(things(NAMES))
    asked = {question.question for question in (*more.validation, *more.test)}
    for row in few.train:
        if row.form == "closed" and row.fact not in more.held_out and asked_in(row) not in asked:
            assert row in more.train or row.fact in few.held_out


def test_shares_of_the_mixture() -> None:
    replay = tuple(
        Row(tuple(tuned_messages(f"Write line {number}")), "Done.", "replay")
        for number in range(900)
    )
    mixture = Mixture(closed=0.5, refusal=0.2, context=0.1, replay=0.2, rows_per_fact=6)
    made = composed(things(NAMES), mixture, replay=replay)
    closed = made.rows["closed"]
    assert closed == 36 * 6
    assert made.rows == {
        "closed": closed, "context": round(closed * 0.2), "refusal": round(closed * 0.4),
        "replay": round(closed * 0.4),
    }  # fmt: skip


def test_outline_is_what_is_composed() -> None:
    material, mixture = things(NAMES), Mixture(context=0.1)
    made, planned = composed(material, mixture), outline(material, mixture=mixture, seed=1)
    assert made.rows == {form: count for form, count in planned.rows.items() if count}
    assert Counter(question.kind for question in made.test) == planned.questions["test"]


def test_refusals_are_answered_by_the_fixed_words_and_have_no_fact() -> None:
    made = composed(things(NAMES))
    refused = [row for row in made.train if row.form == "refusal"]
    assert refused
    assert {(row.answer, row.fact) for row in refused} == {(REFUSAL, "")}
    for question in made.test:
        assert (question.kind == "refusal") == (question.answers == ())
        assert question.document


def context_groups(made: Composition) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in made.train:
        assert bool(row.group) == (row.form == "context")
        if row.group:
            groups.setdefault(row.group, []).append(row)
    return groups


def test_context_rows_have_the_gold_passage_among_hard_ones_or_are_refused() -> None:
    material = things(NAMES)
    made = composed(material, Mixture(context=0.15))
    texts = {
        name: passage
        for source in material.sources.values()
        for name, passage in source.passages.items()
    }
    refused = 0
    for row in made.train:
        if row.form != "context":
            continue
        prompt, own = asked_in(row), texts[row.fact.replace("/", " ")].text
        attribute = own.split()[1]
        others = [text for text in prompt.split("\n") if attribute in text and text != own]
        assert others, "no passage on the same attribute of another thing"
        if row.answer == REFUSAL:
            refused += 1
            assert own not in prompt
        else:
            value, number = row.answer.split(" ")
            assert f'<passage n="{number[1:-1]}"' in prompt.split(own)[0].split("\n")[-2]
            assert value in own
    assert 0.1 < refused / made.rows["context"] < 0.5


def test_rows_of_a_group_share_their_passages_and_are_all_context_rows() -> None:
    for rows in context_groups(composed(things(NAMES), Mixture(context=0.3))).values():
        assert len({asked_in(row).rpartition("\n\nQuestion: ")[0] for row in rows}) == 1
        assert len({row.fact for row in rows}) == len(rows)
        assert rows[0].messages[0] == reader_messages("", [])[0]


def test_quotes_answer_with_the_sentence_of_the_document() -> None:
    material = things(NAMES)
    made = composed(material, Mixture(quotes=2))
    evidence = {pair.fact: pair.evidence for pair in material.pairs}
    quoted = [row for row in made.train if asked_in(row).endswith(QUOTE)]
    assert set(Counter(row.fact for row in quoted).values()) == {2}
    assert all(row.answer == evidence[row.fact] for row in quoted)


def test_only_the_same_question_can_contradict() -> None:
    def pair(question: str, answer: str) -> Pair:
        return Pair(len(question), 1, "p", question, answer, answer)

    waits = [pair("Does A wait for B?", "yes"), pair("Does  B wait for A?", "no")]
    same = [pair("What is the limit?", "9"), pair("what is limit", "The 9.")]
    other = [pair("Which port?", "80"), pair("which port", "81")]
    assert without_contradictions(waits + same + other) == (waits + same, 2)


def test_two_wordings_of_one_fact_do_not_contradict() -> None:
    def pair(answer: str, fact: str) -> Pair:
        return Pair(1, 1, "p", "How many retries?", answer, fact)

    wordings = [pair("9 times", "retries"), pair("9", "retries")]
    assert without_contradictions(wordings) == (wordings, 0)
    elsewhere = [*wordings, pair("9", "other retries")]
    assert without_contradictions(elsewhere) == ([], 3)


ROW = (
    "Memory: 14 GiB per pod; Backup: every Sunday at 05:30; Slots: 7 or, by day, 9; "
    "Port: 80; Timeout: 180 seconds; Swap: 80 MiB per node"
)
ROWS = f"{ROW}\nMemory: 14 GiB per pod; Port: 81"
SOURCES = {
    1: Source(
        1,
        "pods",
        "wiki",
        "Pods",
        "pods.md",
        passages={name: Passage("Pods", "", ROWS, "pods.md") for name in ("p", "q")},
    )
}


def of_row(answer: str, *, by_person: bool = False, passage: str = "p", row: str = ROW) -> Pair:
    """A pair whose evidence is a whole row of the passage."""
    start = ROWS.index(row)
    span = (start, start + len(row))
    return Pair(len(answer), 1, passage, f"{answer}?", answer, answer, by_person, row, span)


def test_people_say_how_much_of_a_programs_answer_is_the_value() -> None:
    people = [of_row(value, by_person=True) for value in ("14 GiB", "05:30", "7", "9")]
    longer = [of_row("14 GiB per pod"), of_row("every Sunday at 05:30")]
    # Another row or passage, two facts within, no more than the value.
    others = [of_row("14 GiB per pod", row=ROWS.split("\n")[1])]
    others += [of_row("14 GiB per pod", passage="q")]
    others += [of_row("7 or, by day, 9"), of_row("05:30")]
    found = in_peoples_words([*longer, *people, *others], SOURCES)
    assert [(one.answer, one.fact) for one in found[:2]] == [("14 GiB",) * 2, ("05:30",) * 2]
    assert [one.question for one in found] == [one.question for one in (*longer, *people, *others)]
    assert found[2:] == [*people, *others]


def test_people_say_nothing_of_the_other_values_of_a_row() -> None:
    """Digits of another number, and the same number where it may be that of another fact."""
    port, unplaced = of_row("80", by_person=True), of_row("fourteen", by_person=True)
    mined = [of_row("180 seconds"), of_row("80 MiB per node"), of_row("fourteen GiB")]
    assert in_peoples_words([port, unplaced, *mined], SOURCES) == [port, unplaced, *mined]


@pytest.mark.parametrize("by_person", [True, False])
def test_same_material_in_another_order_is_the_same(*, by_person: bool) -> None:
    material = things(NAMES, by_person=by_person)
    turned = Material(tuple(reversed(material.pairs)), material.sources)
    assert composed(material) == composed(turned)
