"""The only value of the kind that questions like it were answered with."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from router.precedents.facts import Near
from router.precedents.frames import Precedent
from router.precedents.kinds import LEAST_ALIKE, WITHIN, kin_of, only_value, value_of, values_of
from router.precedents.leads import Lead, subject_of
from router.prompts import Passage
from tests.router.precedents.test_frames import PORT, precedent

KNOWN = frozenset({"nightbell", "dawnhorn"})
ASKED = "Where do I dial dawn-horn?"
WAIT = precedent("How long does night-bell wait?", "400 ms", "Night-bell waits for 400 ms.")
STAY = precedent("How long stay calls of night-bell?", "9 days", "Calls of night-bell stay 9 days.")
REGION = precedent("Where does night-bell run?", "eu-west-1", "Night-bell runs in eu-west-1.")
TEAM = precedent("Who owns night-bell?", "the Owls", "Night-bell is owned by the Owls.")
HORN = Passage("dawn-horn", "Use", "Peers of dawn-horn knock at 6210. It gives up after 300 ms.")
BELL = Passage("night-bell", "Network", "Night-bell listens on port 5071 by default.")


def found(
    near: Sequence[Near],
    question: str = ASKED,
    passages: Sequence[Passage] = (BELL, HORN),
    told: Sequence[Precedent] = (),
) -> Lead | None:
    subject = subject_of(question, passages, KNOWN)
    kin = kin_of(near, subject.asking(near), {one.sentence: [one] for one in told})
    return only_value(subject, passages, [kin] * len(passages))


def value(
    near: Sequence[Near],
    question: str = ASKED,
    passages: Sequence[Passage] = (BELL, HORN),
    told: Sequence[Precedent] = (),
) -> str | None:
    one = found(near, question, passages, told)
    return passages[one.passage].text[one.start : one.end] if one else None


@pytest.mark.parametrize(
    ("sentence", "values"),
    [
        ("it listens on port 6210.", ["6210"]),
        ("it makes 9 attempts in 2.5 seconds", ["9 attempts", "2.5 seconds"]),
        ("up to 1,200 requests per minute for each key", ["1,200 requests per minute"]),
        ("at 40/s, or 99.9 % of it", ["40/s", "99.9 %"]),
        ("released every tuesday at 16:45", ["tuesday at 16:45"]),
        ("on monday 04:05 utc it starts", ["monday 04:05 utc"]),
        ("it starts on monday, 04:05 at the latest", ["monday, 04:05"]),
        ("above chf 12 million, not 9 days", ["chf 12 million", "9 days"]),
        ("region: eu-west-1", ["eu-west-1"]),
        ("swept at 30 1 * * * by cron", ["30 1 * * *"]),
        ("alerts go to #night, says (`/var/log/a.log`).", ["#night", "/var/log/a.log"]),
        ("set night_bell_fast to see it", ["night_bell_fast"]),
        ("bell_flag=night_bell_fast", ["night_bell_fast"]),
        ('"bell_name": "night-bell-photos"', ["night-bell-photos"]),
        ("it is a well-known program of 12", []),
    ],
)
def test_values_have_a_form(sentence: str, values: list[str]) -> None:
    assert [sentence[one.start : one.end] for one in values_of(sentence)] == values


def test_the_same_value_is_the_same_however_it_is_written() -> None:
    (one,), (other,) = values_of("after 1,200 ms"), values_of("1200 milliseconds later")
    assert (one.form, one.said) == (other.form, other.said)
    (one,), (other,) = values_of("from usd 900,000 on"), values_of("above USD 900000".lower())
    assert (one.form, one.said) == (other.form, other.said)
    (long,), (short,) = values_of("night_bell_fast_path"), values_of("bell_fast")
    assert long.form == short.form


def test_what_is_more_than_its_value_has_no_kind() -> None:
    assert value_of(PORT)
    told = precedent("When?", "as soon as 9 days are over", "It ends as soon as 9 days are over.")
    assert value_of(told) is None
    assert value_of(TEAM) is None


def test_it_is_found_whatever_its_sentence_says() -> None:
    one = found([(PORT, 0.8)])
    assert one is not None
    assert HORN.text[one.start : one.end] == "6210"
    assert HORN.text[slice(*one.sentence)] == "Peers of dawn-horn knock at 6210."
    assert (one.passage, one.question, one.is_kin, one.is_worded) == (1, PORT.question, True, False)
    assert one.score == pytest.approx(0.8)


def test_a_page_about_something_else_that_names_it_in_passing_has_no_value_of_it() -> None:
    other = Passage("night-owl", "Use", "It knocks at 6010. The crew of dawn-horn reads this page.")
    assert value([(PORT, 0.8)], passages=[other]) is None
    told = Passage("Ports", "", "The crew reads this page. Dawn-horn is knocked at 6010.")
    assert value([(PORT, 0.8)], passages=[told]) == "6010"


def test_nearest_question_must_be_near() -> None:
    assert value([(PORT, LEAST_ALIKE)]) == "6210"
    assert value([(PORT, LEAST_ALIKE - 0.01)]) is None


def test_it_is_of_the_kind_that_the_question_itself_asks_for() -> None:
    limit = "Night-bell takes 40 calls per second."
    calls = precedent("How fast may I call night-bell?", "40 calls per second", limit)
    near, horn = [(calls, 0.8)], [Passage("dawn-horn", "", "It takes 60 calls per second.")]
    assert value(near, "How much may I call dawn-horn?", horn) == "60 calls per second"
    assert value(near, "How big may a call of dawn-horn be?", horn) is None


def test_a_second_value_of_the_kind_leaves_it_open() -> None:
    other = Passage("dawn-horn", "More", "Dawn-horn is watched at 6211.")
    assert value([(PORT, 0.8)], passages=[HORN, other]) is None
    again = Passage("dawn-horn", "More", "Dawn-horn: Port; Value: 6210")
    assert value([(PORT, 0.8)], passages=[HORN, again]) == "6210"
    best = found([(PORT, 0.8)], passages=[HORN, again])
    assert best is not None
    assert best.passage == 0


def test_units_of_another_size_are_another_value() -> None:
    text = "Dawn-horn gives up after 300 ms, and calls stay 14 days."
    both = [Passage("dawn-horn", "Use", text)]
    assert value([(WAIT, 0.8)], "How patient is dawn-horn?", both) == "300 ms"
    assert value([(WAIT, 0.8), (STAY, 0.79)], "How patient is dawn-horn?", both) is None
    months = precedent("How long stay night-bell's calls?", "9 months", "They stay 9 months.")
    assert value([(STAY, 0.8), (months, 0.79)], "How old is dawn-horn's call?", both) == "14 days"


@pytest.mark.parametrize(
    ("near", "said", "is_other"),
    [
        ([(WAIT, 0.8)], "99.95 %", True),
        ([(WAIT, 0.8)], "#bell-night", True),
        ([(WAIT, 0.8)], "12 weeks", False),
        ([(WAIT, 0.8)], "until somebody answers", False),
        ([(REGION, 0.8)], "us-east-2b", False),
        ([(REGION, 0.8)], "/var/log/bell.log", False),  # Written in one piece as well.
        ([(REGION, 0.8)], "40 calls per second", True),
        ([(PORT, 0.8)], "9 days", True),
        ([(PORT, 0.8)], "443", False),
    ],
)
def test_a_value_may_be_of_another_sort_than_what_was_always_answered(
    near: Sequence[Near], said: str, is_other: bool
) -> None:
    kin = kin_of(near, near, {})
    assert kin is not None
    assert kin.is_of_another_kind(said) is is_other


@pytest.mark.parametrize("other", [REGION, TEAM], ids=["another form", "no form"])
def test_kind_is_not_told_by_answers_of_several(other: Precedent) -> None:
    assert value([(PORT, 0.8), (other, 0.8 - WITHIN / 2)]) is None
    assert value([(PORT, 0.8), (other, 0.8 - 2 * WITHIN)]) == "6210"


def test_what_is_known_to_answer_something_else_does_not_count() -> None:
    """The value that was asked for went; what else has its form was asked for in other words."""
    kept = precedent(
        "How long stay calls of dawn-horn?", "14 days", "Calls of dawn-horn stay 14 days."
    )
    passages = [Passage("dawn-horn", "Use", "Calls of dawn-horn stay 14 days.")]
    asked = "How old may a token of dawn-horn be?"
    token = precedent("How old may a token be of night-bell?", "30 days", "A token lives 30 days.")
    assert value([(token, 0.8)], asked, passages) == "14 days"
    assert value([(token, 0.8)], asked, passages, told=[kept]) is None
    assert value([(token, 0.8), (kept, 0.75)], asked, passages, told=[kept]) == "14 days"


def test_passage_must_name_what_is_asked_about() -> None:
    assert value([(PORT, 0.8)], passages=[BELL]) is None
    assert value([(PORT, 0.8)], "Where do I dial?", [HORN]) is None


def test_what_rules_made_tells_no_kind() -> None:
    mined = replace(PORT, is_written=False)
    assert value([(mined, 0.9)]) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Dawn-horn no longer listens to 6010.", None),
        ("Dawn-horn does not knock at 6010 any more, it knocks at 6210.", "6210"),
        ("Dawn-horn knocks at 6210, not at 6010.", "6210"),
        ("Dawn-horn isn't dialled before 6210 is open.", "6210"),
        ("Dawn-horn knocks at 6210 if nobody hears it.", "6210"),
        ("Calls that are not taken go to 6210 of dawn-horn.", "6210"),
    ],
)
def test_what_its_clause_denies_is_no_value(text: str, found: str | None) -> None:
    assert value([(PORT, 0.8)], passages=[Passage("dawn-horn", "Use", text)]) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Night-bell listens to 5071.", None),
        ("It asks night-bell, which listens to 5071.", None),
        ("Night-bell: 5071", None),
        ("Night-bell listens to 5071, and it knocks at 6210.", "6210"),
        ("It knocks at 6210 of night-bell.", "6210"),
        ("Night-bell and dawn-horn knock at 6210.", "6210"),
    ],
)
def test_what_is_said_of_another_thing_is_no_value_of_it(text: str, found: str | None) -> None:
    assert value([(PORT, 0.8)], passages=[Passage("dawn-horn", "Use", text)]) == found
