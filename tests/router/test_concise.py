"""An answer that repeats the question's words in front of a value is the value alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.concise import LONGEST, value_alone, without_lead_in


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("When do parked orders expire?", "after 52 hours", "52 hours"),
        ("How soon is a page answered?", "within 16 minutes.", "16 minutes."),
        ("How often is the key changed?", "every 84 days", "84 days"),
        ("When is the pager tested?", "every Thursday at 13:05 UTC", "Thursday at 13:05 UTC"),
        ("Which room holds the safe?", "room B114", "B114"),
        ("Whose extension do I ring?", "extension 4417", "4417"),
        ("How far ahead can I book?", "24 days ahead", "24 days"),
        ("How long after the due date is it sent?", "9 days after the due date", "9 days"),
        ("How many instalments may one miss?", "3 missed instalments.", "3."),
        ("Limit of flaky tests?", "at 6 tests", "6"),
        ("Which day of the month is it?", "on the 20th of the month", "20th"),
        ("What oxygen level is kept?", "15.2 percent oxygen", "15.2 percent"),
        ("Where does keel-3 run?", "in Dublin", "Dublin"),
        ("Who pays the visit?", "by a social adviser", "a social adviser"),
        ("Where do we meet?", "at the bowling green", None),
        ("When is it sent?", "9 days after the due date", None),
        ("When is it sent, before or after the due date?", "9 days after the due date", None),
        ("How many calls per minute may I make?", "40 calls per minute", None),
        ("Cutoff, relative to sunset?", "40 minutes before sunset", None),
        ("How many days may it take?", "9 days", None),
        ("Is the valve red or 5 bar valve?", "5 bar valve", None),
        ("How many requests may I send?", "130 requests per 5 minutes", None),
        ("When does the gate close?", "At 17:00 the gate closes.", None),
        ("When must I book?", "before 17:00", None),
        ("How many files may I send?", "at most 200 files", None),
        ("Until when is it open?", "until 18:30", None),
        ("Who signs?", "Noor Veldhus", None),
        ("When does it run?", "after the nightly sweep", None),
        ("How long is the quay?", "", None),
    ],
)
def test_only_what_the_question_says_already_is_left_out(
    question: str, answer: str, said: str | None
) -> None:
    assert value_alone(question, answer) == (answer if said is None else said)


@given(st.text(max_size=60), st.text(max_size=80))
def test_what_is_said_is_an_end_of_the_answer_or_begins_with_its_value(
    question: str, answer: str
) -> None:
    said = value_alone(question, answer)
    assert " ".join(said.split()) in " ".join(answer.split())
    assert bool(said.strip()) == bool(answer.strip())


@given(st.lists(st.sampled_from(["at", "9", "keys"]), min_size=LONGEST + 1))
def test_a_sentence_stays_as_it_is(words: list[str]) -> None:
    answer = " ".join(words)
    assert value_alone("How many keys at 9?", answer) == answer


TEXT = (
    "Remote start is disabled.\nWeekly inspection slot\nFriday 05:50\nHosts\nalpha one\nbeta two\n"
)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("slot\nFriday 05:50", "Friday 05:50"),
        ("slot\nFriday 05:50 ", "Friday 05:50 "),
        ("Friday 05:50", "Friday 05:50"),
        ("is disabled.", "disabled."),
        ("is", "is"),
        ("alpha one\nbeta two", "alpha one\nbeta two"),  # two whole lines are a list
        ("slot\nFriday", "slot\nFriday"),  # text that goes on was only broken there
        ("slot\nFriday 05:50\nHosts", "slot\nFriday 05:50\nHosts"),
        ("slot\nMonday", "slot\nMonday"),
    ],
)
def test_an_answer_that_begins_within_a_label_or_a_sentence_is_the_value(
    said: str, value: str
) -> None:
    assert without_lead_in(said, TEXT) == value
