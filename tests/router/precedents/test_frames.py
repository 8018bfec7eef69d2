"""A sentence without its name and value fits the same sentence about another thing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.precedents.frames import (
    LEAST_NAMED,
    Precedent,
    asked_of,
    fit,
    frame_of,
    mentions,
    name_key,
    named_alone,
    named_in,
    names_of,
    things_among,
    tokens_of,
    told_alone,
    without_names,
)

LEAST = 0.6


def precedent(question: str, answer: str, sentence: str) -> Precedent:
    folded = sentence.lower()
    start = folded.index(answer.lower())
    return Precedent(
        question, names_of(question), answer, folded, start, start + len(answer), is_written=True
    )


def mined(question: str, answer: str, sentence: str) -> Precedent:
    return replace(precedent(question, answer, sentence), is_written=False)


PORT = precedent(
    "Which port does night-bell listen on?", "5071", "Night-bell listens on port 5071 by default."
)


def value_in(sentence: str, of: Precedent = PORT, *names: str) -> str | None:
    frame, folded = frame_of(of), sentence.lower()
    assert frame is not None
    named = frozenset(map(name_key, names or ("dawn-horn",)))
    found = fit(frame, folded, tokens_of(folded, named), LEAST)
    return folded[found.start : found.end] if found else None


@pytest.mark.parametrize(
    ("sentence", "value"),
    [
        ("Dawn-horn listens on port 6210 by default.", "6210"),
        ("Dawn Horn listens on port 6210 by default.", "6210"),
        ("By default, dawn-horn listens on port 6210.", None),
        ("Dusk-gong listens on port 6210 by default.", None),
        ("Dawn-horn is written in Go.", None),
        ("Dawn-horn no longer listens on port 6210 by default.", None),
    ],
    ids=[
        "another name",
        "otherwise spelled",
        "what follows is gone",
        "of another",
        "another fact",
        "no",
    ],
)
def test_the_value_is_what_stands_in_its_place(sentence: str, value: str | None) -> None:
    assert value_in(sentence) == value


@pytest.mark.parametrize(
    ("answer", "sentence", "other", "value"),
    [
        ("/var/a.log", "Log: /var/a.log, daily.", "Log: /srv/b.log, daily.", "/srv/b.log"),
        ("#crew", "Call #crew.", "Call #night-shift.", "#night-shift"),
        ("99.9%", "Target: 99.9%", "Target: 99.95%", "99.95%"),
        ("4", "4 retries are made", "retries: 7 retries are made", "7"),
        ("80", "port=80", "port=91", "91"),
        ("x.log", "It logs to x.log", "It logs to y.log (rotated", "y.log"),
        ("20 3 * * 2", "Runs at 20 3 * * 2 (cron)", "Runs at 15 * * * * (cron)", "15 * * * *"),
        ("20 3 * * 2", "Sweep: 20 3 * * 2", "Sweep: * 4 * * *", "* 4 * * *"),
    ],
    ids=["path", "channel", "share", "label", "setting", "bracket", "schedule", "only stars"],
)  # fmt: skip
def test_a_value_keeps_its_signs_and_leaves_those_of_the_sentence(
    answer: str, sentence: str, other: str, value: str
) -> None:
    assert value_in(other, precedent("What is it?", answer, sentence)) == value


def test_value_may_say_what_is_not_there() -> None:
    bare = precedent("What does night-bell do at night?", "rings twice", "Night-bell rings twice.")
    fallback = precedent(
        "What does night-bell do at night?",
        "rings without a clapper",
        "Then it rings without a clapper.",
    )
    assert value_in("Then it rings without a clapper.", fallback) == "rings without a clapper"
    assert value_in("Dawn-horn is not silent.", bare) is None


def test_nothing_but_an_answer_is_no_frame() -> None:
    assert frame_of(precedent("Which port?", "5071", "5071")) is None


def test_a_name_is_known_in_each_of_its_spellings_and_the_longest_counts() -> None:
    known = frozenset({"nightbell", "nightbelleast", "bell"})
    text = "night bell, night-bell-east and nightbell ring the bell"
    found = [text[start:end] for start, end in mentions(text, known)]
    assert found == ["night bell", "night-bell-east", "nightbell", "bell"]


def test_questions_are_compared_without_what_they_name() -> None:
    known = frozenset({"dawnhorn"})
    asked = without_names("Which port does dawn horn listen on?", known)
    assert asked == without_names("Which port does night-bell listen on?", frozenset())
    assert asked == "which port does it listen on?"


def test_the_number_behind_a_name_belongs_to_it() -> None:
    asked = "Which rotor has the Atlas 12, and which the Boreas T5?"
    assert {"Atlas 12", "Boreas T5"} <= set(named_in(asked))
    assert without_names(asked, frozenset()) == "which rotor has the it, and which the it?"
    assert names_of("Which rotor has the Atlas?") == {"atlas"}


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_texts_are_taken(sentence: str, other: str) -> None:
    folded = sentence.casefold()
    one = Precedent("What?", frozenset(), folded[:3], folded, 0, min(len(folded), 3), True)
    frame = frame_of(one)
    if frame is None:
        return
    found = fit(frame, other, tokens_of(other, frozenset()), LEAST)
    if found is not None:
        assert 0 <= found.start < found.end <= len(other)
        assert LEAST <= found.likeness <= 1


def test_what_always_stands_beside_another_name_is_asked_of_that() -> None:
    asked = [
        *("Which port has Bell?", "Who owns Bell?", "Where is Bell?"),
        *(f'What stands under "Lubricant" for {name}?' for name in ("Bell", "Horn", "Gong")),
    ]
    assert len(asked) == 2 * LEAST_NAMED
    named = list(map(names_of, asked))
    things = things_among(named_alone(named))
    assert things == {"bell"}
    assert [asked_of(*each, things) for each in zip(asked, named, strict=True)] == [
        *[{"bell"}] * 4,
        # Of these nobody knows which of the two it is.
        *({"lubricant", name} for name in ("horn", "gong")),
    ]
    assert without_names(asked[3], things) == 'what stands under "lubricant" for it?'


@pytest.mark.parametrize(
    ("asked", "thing", "sentence"),
    [
        ("For Dag Vans, how high is Edith?", "edith", "Edith is 2 metres high."),
        ("In Dag Vans, how high is Edith?", "edith", "Van: Edith; height: 2 metres"),
        ("What stands under “Height” for Dag Vans?", "dagvans", "Height: 2 metres"),
        ("What stands under “Height” for Dag Vans?", "dagvans", "Item: Height; value: 2 metres"),
    ],
)
def test_rules_ask_of_the_title_what_the_sentence_tells_of_a_thing(
    asked: str, thing: str, sentence: str
) -> None:
    told = [mined(asked, "2 metres", sentence)] * LEAST_NAMED
    assert things_among(told_alone(told)) == {thing}
    assert things_among(told_alone(told[1:])) == set()
