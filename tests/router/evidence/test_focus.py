"""A place is held to what the question asks about its entity, not to the entity's name."""

import pytest

from router.evidence.focus import root
from router.prompts import Passage
from router.text import stem
from router.verification import verify

KILN = Passage(
    "kiln-7",
    "Settings",
    "Setting: Listening port; Value: 4410\n"
    "Setting: Fuel store; Value: Propane 20\n"
    "Setting: Cooling pause; Value: 35 minutes\n"
    "Setting: Firing; Value: Tuesday at 07:30 UTC",
    "plant/kiln-7.md",
)
CARE = Passage(
    "kiln-7",
    "Care",
    "Firing logs are erased after 90 days. The door may be opened once it is 40 °C or colder.\n"
    "Faults go to #kiln-night. The Glaze team owns the kiln and inspects it monthly.\n"
    "The burners were available for 99.5 % of the year. Set --slow-cool in /etc/kiln.toml.\n"
    "1. Sweep the hearth.\n2. Count the shelves.",
)
LOOM = Passage("loom-2", "Settings", "port: 8120\nsafety:\n  pause: 9 seconds\nowner: Weavers")
PLANT = [KILN, CARE, LOOM]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What port should I use to call kiln-7?", "4410"),
        ("Which fuel store does kiln-7 have?", "Propane 20"),
        ("How long is the cooling pause of kiln-7?", "35 minutes"),
        ("After how long are firing logs of kiln-7 erased?", "90 days"),
        ("When is the firing of kiln-7?", "Tuesday at 07:30 UTC"),
        ("Which channel takes faults of kiln-7?", "#kiln-night"),
        ("Who is the owner of kiln-7?", "the Glaze team"),
        ("How available were the burners of kiln-7?", "99.5 %"),
        ("Which flag cools kiln-7 slowly?", "--slow-cool"),
        ("Which file sets the cooling of kiln-7?", "/etc/kiln.toml"),
        ("What pause does the safety of loom-2 make?", "9 seconds"),
    ],
)
def test_value_of_what_was_asked_is_supported(question: str, answer: str) -> None:
    support = verify(question, answer, PLANT)
    assert support.supported, support.problem


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What port should I use to call kiln-7?", "Propane 20"),
        ("What port should I use to call kiln-7?", "35 minutes"),
        ("Which fuel store does kiln-7 have?", "35 minutes"),
        ("How long is the cooling pause of kiln-7?", "90 days"),
        ("After how long are firing logs of kiln-7 erased?", "35 minutes"),
        ("After how long are firing logs of kiln-7 erased?", "Tuesday at 07:30 UTC"),
        ("Which channel takes faults of kiln-7?", "Propane 20"),
        ("Who is the owner of kiln-7?", "90 days"),
        ("How available were the burners of kiln-7?", "90 days"),
        ("Which flag cools kiln-7 slowly?", "#kiln-night"),
        ("Which file sets the cooling of kiln-7?", "99.5 %"),
        ("How many shelves does kiln-7 have?", "2"),
        ("How many shelves does kiln-7 have?", "35 minutes"),
    ],
)
def test_right_value_of_something_else_is_not_supported(question: str, answer: str) -> None:
    assert not verify(question, answer, PLANT).supported


@pytest.mark.parametrize("name", ["kiln-8", "loom-7"])
def test_entity_is_not_put_together_from_scattered_words(name: str) -> None:
    both = Passage("Hall", "", "kiln-7 burns 35 minutes. Row 8: loom-2 stands in hall 7.")
    assert not verify(f"How long does {name} burn?", "35 minutes", [both]).supported


def test_place_that_says_it_in_other_words_needs_no_word_of_the_question() -> None:
    support = verify("How much time passes before kiln-7 may be touched?", "35 minutes", [KILN])
    assert support.supported, support.problem


def test_rows_one_below_the_other_are_about_two_things() -> None:
    rows = Passage("Ferry", "", "Berth fee: 40 EUR\nCrew fee: 90 EUR\nPilot: 70 EUR")
    assert verify("What is the crew fee of the ferry?", "90 EUR", [rows]).supported
    assert not verify("What is the crew fee of the ferry?", "70 EUR", [rows]).supported


def test_line_above_with_a_colon_speaks_for_the_lines_that_it_holds() -> None:
    nested = Passage("mill", "", "grain:\n  every: 8 days\nwater:\n  every: 3 days")
    assert verify("After how long does the mill change water?", "3 days", [nested]).supported
    assert not verify("After how long does the mill change water?", "8 days", [nested]).supported


def test_row_says_nothing_about_the_sentence_below_also_where_it_is_indented() -> None:
    fees = Passage("Ferry", "", "  Berth fee: 40 EUR\nCrews pay 90 EUR at the gate.")
    assert verify("What is the berth fee of the ferry?", "40 EUR", [fees]).supported
    assert not verify("What is the berth fee of the ferry?", "90 EUR", [fees]).supported


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("available", "availability"),
        ("month", "monthly"),
        ("deploy", "deployment"),
        ("owner", "owns"),
        ("configure", "configuration"),
        ("persistence", "persists"),
    ],
)
def test_words_of_one_family_share_a_root(one: str, other: str) -> None:
    assert root(stem(one)) == root(stem(other))


@pytest.mark.parametrize(
    ("one", "other"), [("port", "portal"), ("retry", "return"), ("region", "register")]
)
def test_words_of_two_families_do_not(one: str, other: str) -> None:
    assert root(stem(one)) != root(stem(other))
