"""Questions for a value in a clause."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.synthesis.clauses import Bodies, ask
from training.synthesis.values import Value, values_of


def asked(clause: str, kind: str = "") -> Bodies | None:
    """For the first value in the clause (of a kind)."""
    return ask(clause, next(value for value in values_of(clause) if kind in ("", value.kind)))


@pytest.mark.parametrize(
    ("clause", "front"),
    [
        ("sessions are cut after 10 hours", "after how long are sessions cut"),
        ("a drill costs €1,150 a month", "how much does a drill cost a month"),
        ("the week starts on Tuesday at 10:00", "when does the week start"),
        ("files may not be larger than 9 MB", ""),  # a denial is easily turned around
        ("a tenant may have up to 6 hooks", "how many hooks may a tenant have at most"),
        ("the mask is 7 degrees at the coast", "how many degrees is the mask at the coast"),
        ("you can book at most 14 days ahead", "how far ahead can I book at most"),
        ("at 06:10 the gate opens", "at what time does the gate open"),
        ("with --slow the crane lifts by hand", "with which option does the crane lift by hand"),
        ("install it on Monday", ""),  # it?
        ("send the form to crew@quay.example", "to which e-mail address do I send the form"),
        ("we aim at a fee of €12", ""),  # the fee is asked for, not what we aim at
        ("the price rose and the fee is €12", ""),
    ],
)
def test_a_plain_clause_is_asked_in_front(clause: str, front: str) -> None:
    found = asked(clause)
    assert (found.front if found else "") == front


@pytest.mark.parametrize(
    ("clause", "in_place"),
    [
        ("logs are kept for 30 days and then removed", "logs are kept for how long"),
        ("orders close at 17:30; late ones wait", "orders close at what time"),
        ("snapshots are taken every 5 hours", "snapshots are taken how often"),
        ("we try again 7 times before giving up", "we try again how many times before giving up"),
        (
            "the drill is weekly, and the bell stays on for 5 seconds",
            "the bell stays on for how long",
        ),
        ("with --slow the crane lifts by hand", "the crane lifts by hand with which option"),
        (
            "if a lid is open for more than 90 seconds, the belt stops",
            "if a lid is open for more than how long, the belt stops",
        ),
        ("the flag --slow keeps the crane back", "which flag keeps the crane back"),
        (
            "the variable LID_HEAT is the warmth to which a lid rises",
            "which variable is the warmth to which a lid rises",
        ),
        (
            "there is a pause of 4 minutes after each tour",
            "there is a pause of how long after each tour",
        ),
        ("on ice the limit is 9 km and you may drive", "on ice the limit is how many km"),
        ("the pulse is read from port 7480 at night", "the pulse is read from which port at night"),
    ],
)
def test_every_value_can_be_asked_for_in_its_place(clause: str, in_place: str) -> None:
    found = asked(clause)
    assert found is not None
    assert found.in_place == in_place


@pytest.mark.parametrize(
    "clause",
    [
        "traffic 1 TB",
        "opens 10:00",
        "tests at 08:30 worked, only 2 bad drives",
        "staffed 05:40 by the team",
        "the mule has 180 mm discs",
        "it answers on port 7480",
        "wait (about 3 minutes) and look",
        "first: 3 minutes",
    ],
)
def test_notes_without_a_verb_and_values_of_other_words_are_not_asked_for(clause: str) -> None:
    assert all(ask(clause, value) is None for value in values_of(clause))


def test_the_noun_goes_with_the_identifier_that_it_names() -> None:
    clause = "send the key in the header X-Quay-Key"
    found = ask(clause, Value("id", clause.index("X-"), len(clause), "X-Quay-Key"))
    assert found is not None
    assert found.front == "in which header do I send the key"
    assert found.answer == "X-Quay-Key"


def test_the_value_is_missing_in_the_gap() -> None:
    found = asked("logs are kept for 30 days")
    assert found is not None
    assert found.blank == "logs are kept for ___"


@given(st.text(max_size=120))
def test_no_question_tells_the_value_that_it_asks_for(text: str) -> None:
    for value in values_of(text):
        found = ask(text, value)
        assert found is None or found.in_place
