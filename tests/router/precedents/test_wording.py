"""A question is put in words that were answered before, where these ask the same of something."""

from dataclasses import replace

import pytest

from router.precedents.facts import Near
from router.precedents.frames import name_key
from router.precedents.leads import subject_of
from router.precedents.wording import ASKS_THE_SAME, LEAST_LEAD, in_known_words
from router.prompts import Passage
from tests.router.precedents.test_frames import precedent

DAWN = Passage("Dawn-horn", "", "Dawn-horn is led by Ada Brand.")
KNOWN = frozenset({name_key("night-bell"), name_key("dawn-horn")})
LEAD = precedent(
    "Who is the tech lead of Night-bell?", "Ada Lund", "Ada Lund is the tech lead of Night-bell."
)
RETRY = precedent(
    "How long does night-bell wait after 3 failures?",
    "9 seconds",
    "Night-bell waits 9 seconds after 3 failures.",
)
BOTH = precedent(
    "Does night-bell ring before dawn-horn?", "always", "Night-bell always rings before Dawn-horn."
)
LUNCH = precedent("When is lunch?", "noon", "Lunch is at noon.")


def worded(question: str, *near: Near) -> str:
    return in_known_words(question, near, subject_of(question, [DAWN], KNOWN))


@pytest.mark.parametrize(
    ("question", "wording"),
    [
        ("Which engineer is in charge of Dawn-horn?", "Who is the tech lead of Dawn-horn?"),
        ("which engineer is in charge of dawn horn", "Who is the tech lead of dawn horn?"),
        # Which of the two it would be asked of is not told.
        ("Which engineer is in charge of Dawn-horn and night-bell?", ""),
        ("Which engineer is in charge?", ""),
    ],
)
def test_the_thing_is_the_one_that_is_asked_about(question: str, wording: str) -> None:
    assert worded(question, (LEAD, 0.8)) == wording


def test_a_name_may_be_told_by_titles_alone() -> None:
    gate = Passage("Brinegate: the gateway", "", "Brinegate is led by Ada Brand.")
    asked = "which engineer has the last word of brinegate"
    known = frozenset({name_key("night-bell")})
    subject = subject_of(asked, [gate], known)
    assert in_known_words(asked, [(LEAD, 0.8)], subject) == ("Who is the tech lead of brinegate?")


def test_only_a_question_that_is_near_enough_asks_the_same() -> None:
    asked = "Which engineer is in charge of Dawn-horn?"
    assert worded(asked, (LEAD, ASKS_THE_SAME)) != ""
    assert worded(asked, (LEAD, ASKS_THE_SAME - 0.01)) == ""


def test_numbers_are_a_part_of_what_is_asked() -> None:
    after = "How long does Dawn-horn pause after {} failures?"
    assert worded(after.format(3), (RETRY, 0.9)) == (
        "How long does Dawn-horn wait after 3 failures?"
    )
    assert worded(after.format(5), (RETRY, 0.9)) == ""


def test_question_that_cannot_be_put_about_this_is_passed_over() -> None:
    asked = "Which engineer is in charge of Dawn-horn?"
    assert worded(asked, (BOTH, 0.9), (LUNCH, 0.9), (LEAD, 0.7)) == (
        "Who is the tech lead of Dawn-horn?"
    )


def test_what_names_nothing_is_put_as_what_names_nothing() -> None:
    assert worded("At what hour do we eat?", (LEAD, 0.9), (LUNCH, 0.8)) == "When is lunch?"


def test_rules_do_not_word_a_question() -> None:
    ruled = replace(LEAD, is_written=False)
    assert worded("Which engineer is in charge of Dawn-horn?", (ruled, 0.9)) == ""


def test_what_is_about_as_near_for_something_else_leaves_it_open() -> None:
    asked = "Which engineer is in charge of Dawn-horn?"
    lead, other = replace(LEAD, fact="lead"), replace(LEAD, question="Who?", fact="owner")
    assert worded(asked, (lead, 0.8), (replace(other, fact="lead"), 0.79)) != ""
    assert worded(asked, (lead, 0.8), (other, 0.79)) == ""
    assert worded(asked, (lead, 0.8), (other, 0.8 - LEAST_LEAD)) != ""
