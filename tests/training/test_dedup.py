from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.dedup import Asked, Verdict, compare

PORT = Asked("Which port does the tide-gauge service listen on?", "7070", "port")


def verdict(one: Asked, *known: Asked) -> Verdict:
    return compare([one], known)[0].verdict


@pytest.mark.parametrize(
    "question",
    [
        "Which port does the tide-gauge service listen on?",
        "which port does   the tide-gauge service listen on",
        "WHICH PORT DOES THE TIDE-GAUGE SERVICE LISTEN ON",
        "Which port does tide-gauge service listen on?",
    ],
)
def test_same_words_for_one_fact_repeat(question: str) -> None:
    assert verdict(Asked(question, "7070", "port"), PORT) is Verdict.REPEATS
    assert verdict(Asked(question, "port 7070", "port"), PORT) is Verdict.REPEATS
    assert verdict(Asked(question, "7070", "same text elsewhere"), PORT) is Verdict.REPEATS


@pytest.mark.parametrize(
    "question",
    [
        "On which port does the tide-gauge service listen?",
        "What port is tide-gauge on?",
        "tide-gauge port",
        "Which port dose the tide-gauge servise listen on?",
    ],
)
def test_other_phrasing_is_new(question: str) -> None:
    assert verdict(Asked(question, "7070", "port"), PORT) is Verdict.NEW


LONG = (
    "When all of the nightly attempts to bring the sailings of {} to the partners over the old "
    "feed have failed, and nobody of the team has looked at it, how long is the wait for number {}?"
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG.format("Arne", 3), LONG.format("Berit", 3)),
        (LONG.format("Arne", 3), LONG.format("Arne", 4)),
        (LONG.format("deck-a", 3), LONG.format("deck-b", 3)),
        (LONG.format("Arne", 3), LONG.format("Arne", 3).replace("have failed", "have not failed")),
    ],
)
@pytest.mark.parametrize(("answer", "fact"), [("5 s", "wait"), ("9 s", "other")])
def test_questions_about_different_things_are_never_the_same(
    one: str, other: str, answer: str, fact: str
) -> None:
    known = Asked(one, "5 s", "wait")
    assert verdict(Asked(other, answer, fact), known) is Verdict.NEW


def test_long_question_with_another_small_word_repeats() -> None:
    one = Asked(LONG.format("Arne", 3), "5 s", "wait")
    other = Asked(LONG.format("Arne", 3).replace("and nobody", "while nobody"), "5 s", "wait")
    assert verdict(other, one) is Verdict.REPEATS


def test_same_question_with_another_answer_contradicts() -> None:
    one = Asked("which port does tide-gauge service listen on", "7071", "other")
    compared = compare([one], [PORT])[0]
    assert (compared.verdict, compared.other) == (Verdict.CONTRADICTS, PORT)


def test_candidates_are_compared_with_each_other() -> None:
    compared = compare([PORT, PORT, Asked(PORT.question, "1", "x")], [])
    assert [one.verdict for one in compared] == [
        Verdict.NEW,
        Verdict.REPEATS,
        Verdict.CONTRADICTS,
    ]


def by_first_word(questions: Sequence[str]) -> NDArray[np.float32]:
    """Questions mean the same if they begin with the same word."""
    firsts = [question.split()[0].lower() for question in questions]
    known = ["when", "which", "who"]
    return np.eye(len(known), dtype=np.float32)[[known.index(first) for first in firsts]]


def test_same_meaning_repeats_only_for_the_same_fact() -> None:
    known = Asked("Who keeps the keys of the gate?", "Ada", "keys")
    same = Asked("Who has gate keys?", "Ada", "keys")
    other = Asked("Who signs for it?", "Ada", "signature")
    later = Asked("When is it signed?", "Monday", "when")
    verdicts = [one.verdict for one in compare([same, other, later], [known], by_first_word)]
    assert verdicts == [Verdict.REPEATS, Verdict.NEW, Verdict.NEW]


questions = st.lists(
    st.sampled_from(["port", "of", "the", "Arne", "deck-a", "how", "not", "?"]), min_size=1
).map(" ".join)


@settings(deadline=None, max_examples=50)  # the first call imports SciPy
@given(st.lists(st.builds(Asked, questions, st.sampled_from("12"), st.sampled_from("ab"))))
def test_nothing_that_is_kept_repeats_what_is_kept(asked: list[Asked]) -> None:
    kept = [one.asked for one in compare(asked, []) if one.verdict is not Verdict.REPEATS]
    again = compare(kept, [])
    assert all(one.verdict is not Verdict.REPEATS for one in again)
    assert all(one.verdict is Verdict.REPEATS for one in compare(asked, asked))
