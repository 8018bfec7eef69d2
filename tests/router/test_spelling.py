"""Slips of the finger are put right where it is plain what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.evidence.slips import one_slip
from router.prompts import Passage
from router.spelling import put_right

PAGES = [
    Passage(
        "Saddleback Chairlift",
        "Radio",
        "The radio channel of Skylark is 9, its mode is automatic. The kassa has a timeout.",
        "lifts/saddleback.md",
    )
]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("which chanel has it?", "which channel has it?"),
        ("Skylrak radio", "Skylark radio"),
        ("Sadleback's chanel", "Saddleback's channel"),
        ("timout of the kassa", "timeout of the kassa"),
        # The pages have it nowhere, but English does.
        ("its sw verison", "its sw version"),
        ("the anual buget", "the annual budget"),
        # `mode` is on the page, but it is a swap that people make.
        ("the modle of it", "the model of it"),
    ],
)
def test_word_that_nobody_knows_is_the_one_that_it_nearly_is(typed: str, meant: str) -> None:
    assert put_right(typed, PAGES) == meant


@pytest.mark.parametrize(
    "question",
    [
        "which channel has the kassa?",
        "is the rest of it automated?",
        # Two slips, four letters, a name, and what is no word of its own.
        "the chnanl",
        "the falg",
        "where is Verison?",
        "marten rack train",
        "open sadleback-chairlift or /etc/chanel or chanel.md or #chanel",
        "adress@chanel.example",
        "kubernetes config",
        "wie heißt der Kanal?",
        "",
    ],
)
def test_what_may_be_meant_stays_as_it_is_typed(question: str) -> None:
    assert put_right(question, PAGES) == question


@pytest.mark.parametrize(
    ("typed", "meant", "is_slip"),
    [
        ("yardmrre", "yardmere", True),  # beside it on the keyboard
        ("yardmere", "yardmore", False),
        ("tallyhub", "tallyhob", False),
        ("crumbcard", "crumbcart", False),
        ("calander", "calendar", False),  # two
        ("calender", "calendar", True),  # English has it, by whatever letter it was missed
    ],
)
def test_another_letter_makes_another_name_unless_its_key_lies_beside(
    typed: str, meant: str, is_slip: bool
) -> None:
    assert one_slip(typed, meant) is is_slip


@given(st.text(max_size=60))
def test_without_pages_only_words_in_small_letters_change(text: str) -> None:
    changed = put_right(text, [])
    assert put_right(text.upper(), []) == text.upper()
    assert len(changed.split()) == len(text.split())


@given(st.from_regex(r"[a-z]{5,12}", fullmatch=True), st.integers(1, 10))
def test_one_letter_lost_or_swapped_is_one_slip(word: str, at: int) -> None:
    at = min(at, len(word) - 2)
    assert one_slip(f"{word}x", word)
    swapped = f"{word[:at]}{word[at + 1]}{word[at]}{word[at + 2 :]}"
    assert one_slip(swapped, word)
    assert not one_slip(f"q{word[1:]}" if word[0] != "q" else f"z{word[1:]}", word)
