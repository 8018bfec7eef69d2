"""What of a value is of the kind of the answer before it."""

import pytest

from router.precedents.finding import Findings
from router.precedents.frames import Precedent
from router.precedents.shaping import answered_as, of_its_kind
from router.precedents.wording import ASKS_THE_SAME
from tests.router.precedents.test_frames import PORT, precedent


@pytest.mark.parametrize(
    ("before", "value", "told"),
    [
        ("5071", "7715, cluster c", "7715"),
        ("12 s", "9 s", "9 s"),
        ("35 W", "heated, 45 W", "45 W"),
        ("oak-d", "elm-e, as ever", "elm-e"),
        ("ship_prod", "name\nhusk_prod", "husk_prod"),
        ("/srv/a_b", "dir /srv/c", "/srv/c"),
        ("Ada Lund", "lift manager is Reka Holm", "Reka Holm"),
        # There are two, or none of the kind, or it is more than that.
        ("5071", "7715 or 7716", "7715 or 7716"),
        ("Ada Lund", "Reka Holm and Ida Falk", "Reka Holm and Ida Falk"),
        ("Ada Lund", "the desk", "the desk"),
        ("35 kg", "at 9 s", "at 9 s"),
        ("35 W, heated", "not heated, 45 W", "not heated, 45 W"),
        ("Workshop", "iPad Air", "iPad Air"),
    ],
)
def test_value_of_the_kind_of_the_answer_before_it_is_found_in_more(
    before: str, value: str, told: str
) -> None:
    start, end = of_its_kind(before, value)
    assert value[start:end] == told


@pytest.mark.parametrize(
    ("before", "answer", "said"),
    [
        ("100 %", "108 % of the set speed", "108 %"),
        ("2,600", "2,850 passengers. ", "2,850. "),
        ("9,000 hours", "Since spring an overhaul is due each 7,500 hours.", "7,500 hours."),
        ("9 s", "12 s", "12 s"),
        # What stands around it tells something.
        ("9 s", "12 s or more", "12 s or more"),
        ("9 s", "after 12 s", "after 12 s"),
        ("9 s", "Yes, 12 s.", "Yes, 12 s."),
        ("9 kg", "12 kg a day", "12 kg a day"),
        ("09:30", "10:00 on Mondays", "10:00 on Mondays"),
        ("9 s", "It does not wait 12 s.", "It does not wait 12 s."),
    ],
)
def test_answer_is_made_as_the_one_before_it_where_no_more_is_told(
    before: str, answer: str, said: str
) -> None:
    assert answered_as(before, answer) == said


@pytest.mark.parametrize(
    ("asked", "cosine", "said"),
    [
        (PORT, ASKS_THE_SAME, "7715"),
        (PORT, ASKS_THE_SAME - 0.01, "7715, cluster c"),
        (precedent("Who?", "Ada Lund", "Ada Lund."), 0.9, "7715, cluster c"),
    ],
)
def test_only_the_nearest_that_asks_the_same_tells_the_manner(
    asked: Precedent, cosine: float, said: str
) -> None:
    findings = Findings((), {1: [(asked, cosine)]})
    assert findings.as_answered(1, "7715, cluster c") == said
    assert findings.as_answered(2, "7715, cluster c") == "7715, cluster c"
