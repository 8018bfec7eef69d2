"""Which version a question names, read from its wording alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import pins
from router.pins import Pin, is_spoken_of, read_pin
from router.prompts import Passage

numbers = st.integers(0, 999_999_999)
names = st.sampled_from(["v{}", "V{}", "version {}", "Version {}", "ver. {}", "revision {}"])
GUIDE = Passage(title="Deploy guide", heading="Limits", text="The limit is 5.", path="deploy.md")


@given(numbers, names, st.sampled_from(["in", "at", "as of", "for the"]))
def test_whole_number_is_a_version_and_leaves_the_question(
    number: int, name: str, lead: str
) -> None:
    named = name.format(number)
    for question in (
        f"What is the timeout {lead} {named}?",
        f"{lead} {named}, what is the timeout?",
    ):
        pin = read_pin(question)
        assert pin is not None
        assert (pin.number, pin.before, pin.of_writing) == (number, False, False)
        assert pin.bare.lower() == "what is the timeout?"


@given(numbers, names, st.sampled_from(["runbook", "Deploy handbook", "long on-call guide"]))
def test_version_of_a_writing_cannot_be_the_products(number: int, name: str, what: str) -> None:
    pin = read_pin(f"What does {name.format(number)} of the {what} give?")
    assert pin == Pin(
        bare=f"What does the {what} give?",
        words=name.format(number).lower() + " of ",
        number=number,
        of_writing=True,
    )


@given(numbers, st.integers(0, 99), names, st.sampled_from(["in", "before", "since", "until"]))
def test_release_with_a_dot_is_never_a_version_of_a_document(
    major: int, minor: int, name: str, lead: str
) -> None:
    pin = read_pin(f"What was the timeout {lead} {name.format(major)}.{minor}?")
    assert pin is None or pin.is_of_current


@given(st.text(max_size=300))
def test_any_text_is_read_without_losing_the_question(text: str) -> None:
    pin = read_pin(f"{text} in v2?")
    for read in (pin, read_pin(text)):
        assert read is None or read.bare or not text.strip()


@given(st.text(alphabet="aé ẞ\u2003“2v\n", max_size=40))
def test_what_is_left_of_a_question_stands_in_it(text: str) -> None:
    plain = " ".join(f"{text} What is the timeout in v2?".split())
    pin = read_pin(plain)
    if pin is not None and pin.number == 2:
        assert pin.bare.endswith("What is the timeout?")


@pytest.mark.parametrize(
    ("question", "bare"),
    [
        ("Which port did it use before the big migration?", "Which port did it use?"),
        ("What was the limit previously?", "What was the limit?"),
        ("What is the old value of the limit?", "What is the value of the limit?"),
        ("What was the port before it was moved?", "What was the port?"),
        ("Who is the owner in the previous version of the page?", "Who is the owner in the page?"),
        ("What did the old version say about it?", "What did the document say about it?"),
        ("What did the relay use to listen on?", "What did the relay use to listen on?"),
        ("What used to be the limit?", "What used to be the limit?"),
    ],
)
def test_wordings_of_the_past_ask_for_the_version_before(question: str, bare: str) -> None:
    pin = read_pin(question)
    assert pin is not None
    assert (pin.number, pin.before, pin.bare) == (None, True, bare)


def test_what_was_until_a_version_stood_in_the_one_before_it() -> None:
    for question in ("What was the limit until v3?", "What was the limit before version 3?"):
        pin = read_pin(question)
        assert pin is not None
        assert (pin.number, pin.before, pin.bare) == (3, True, "What was the limit?")


@pytest.mark.parametrize(
    "question",
    [
        "What must be backed up before the release?",
        "Who has to agree before v3?",
        "How do I roll back to the previous version?",
        "Can a previously deleted user be restored?",
        "What is the limit since v2?",
        "What is the limit since version 2 of the guide?",
        "What differs between version 2 and version 3 of the guide?",
        "What is the limit in v2 clusters?",
        "What is the limit in v9999999999?",
        "Which racks stand in the old data centre?",
        "I was away when it rang, how much time do I have before it rings elsewhere?",
        "The planner was stuck and we gave up on it; how long does one wait before that?",
    ],
)
def test_no_version_kept_here_is_asked_for(question: str) -> None:
    pin = read_pin(question)
    assert pin is None or pin.is_of_current
    assert pin is None or pin.bare == question


@pytest.mark.parametrize(
    ("passage", "spoken"),
    [
        (GUIDE, False),
        (Passage("API v2", "", "The limit is 5."), True),
        (Passage("API", "Version 2", "The limit is 5."), True),
        (Passage("API", "", "In V2 the limit is 5."), True),
        (Passage("API", "", "Since v2.1 the limit is 5; v22 and rev2a are other things."), False),
        (Passage("API", "", "The limit is 5.", path="api/v2/limits.md"), True),
    ],
)
def test_name_that_the_text_uses_itself_is_the_products(passage: Passage, spoken: bool) -> None:
    pin = read_pin("What is the limit in v2?")
    assert pin is not None
    assert is_spoken_of(pin, [GUIDE, passage]) is spoken


def test_text_does_not_take_the_version_of_a_writing_for_its_own_but_a_title_does() -> None:
    pin = read_pin("What is the limit in version 2 of the guide?")
    assert pin is not None
    assert not is_spoken_of(pin, [Passage("Guide", "v2", "The API v2 has a limit of 5.")])
    assert is_spoken_of(pin, [Passage("Guide to API v2", "", "The limit is 5.")])


def test_event_that_the_text_tells_of_is_read_there() -> None:
    pin = read_pin("What was the limit before the migration?")
    assert pin is not None
    assert is_spoken_of(pin, [Passage("API", "", "Before  the migration the limit was 5.")])
    assert not is_spoken_of(pin, [Passage("API", "", "The migration took a day.")])


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ([1], "it has version 1."),
        ([1, 2], "it has versions 1 and 2."),
        ([1, 2, 3, 4], "it has versions 1 to 4."),
        ([1, 2, 4, 5, 6], "it has versions 1, 2 and 4 to 6."),
    ],
)
def test_missing_version_is_told_with_those_that_there_are(kept: list[int], said: str) -> None:
    reading = pins.missing(7, "Guide", kept)
    assert reading.missing
    assert reading.reason == f"There is no version 7 of Guide; {said}"
