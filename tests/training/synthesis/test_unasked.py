"""Which values of a passage nothing asks for yet."""

import pytest

from training.synthesis.mined import MinedFrom
from training.synthesis.unasked import Told, unasked

ABOUT = "Wagtail > Rounds"


def of(text: str, *asked: Told, kind: str = "prose") -> list[str]:
    passage = MinedFrom("Wagtail", "wagtail.md", ("Rounds",), kind, "", text)
    return [one.answer for one in unasked(passage, asked, ABOUT)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A round has 26 stops at most, because drivers get hungry.", ["26 stops"]),
        ("The road data is release 2024.11, without the new bypass.", ["2024.11"]),
        (
            "The Road Desk runs the planner, and Freya Lindqvist answers.",
            ["Road Desk", "Freya Lindqvist"],
        ),
        ("Everything carries a label that begins with `MQ1`, or the lid stays shut.", ["MQ1"]),
        ("- Last drop for drivers: the hatch closes at 19:40, later goes to the box", ["19:40"]),
        ("The building stands at 14 Tannery Row, an old warehouse.", ["14 Tannery Row"]),
        (
            "It is taken offline Saturdays 23:15–23:55, when nobody drives.",
            ["Saturdays 23:15–23:55"],
        ),
    ],
)
def test_values_are_found_by_their_form(text: str, values: list[str]) -> None:
    assert of(text) == values


def test_first_word_of_a_sentence_and_an_acronym_are_no_names() -> None:
    assert of("Complaints go in writing to the office.") == []
    assert of("- Firmware on the instrument is loaded by hand.") == []
    assert of("The letter is a PDF that the practice prints.") == []


def test_what_title_and_headings_name_is_no_value() -> None:
    assert of("Somebody called it Wagtail, and the name stuck.") == []


def test_what_is_asked_for_is_left_out_in_whatever_length() -> None:
    text = "It keeps letters for 400 days and sends 12 of them at once."
    assert of(text) == ["400 days", "12"]
    assert of(text, Told(0, len(text), text, "400")) == ["12"]
    elsewhere = Told(len(text) + 1, len(text) + 9, "400 days", "400 days")
    assert of(text, elsewhere) == ["400 days", "12"]


def test_line_and_place_are_those_of_the_sentence() -> None:
    text = "Nothing is told here today.\nA round has 26 stops at most, as they say."
    passage = MinedFrom("Wagtail", "wagtail.md", ("Rounds",), "prose", "", text)
    (one,) = unasked(passage, (), ABOUT)
    assert text[one.start : one.end] == one.line == text.split("\n")[1]


def test_few_values_of_a_sentence_and_none_of_a_table_or_of_code_are_taken() -> None:
    assert len(of("It has 2 doors, 3 seats, 4 wheels, 5 lamps and 6 mirrors in all.")) == 3
    assert of("Setting: Berths; Value: 26 stops", kind="table") == []
    assert of("berths: 26 stops of all that is known", kind="code") == []
