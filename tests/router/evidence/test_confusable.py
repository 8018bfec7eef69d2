"""A thing whose name is a part of another thing's name is not that thing."""

import pytest

from router.evidence.questions import read_question
from router.evidence.sources import names, read_source
from router.prompts import Passage
from router.verification import named_first, verify

TRAYS = Passage("Harbor", "Colours", "The label on a lent crate is amber.", "services/harbor.md")
GATE = Passage(
    "Harbor Gate: the doors",
    "Colours",
    "The lamp at a door shows violet for a crate that must not leave.",
    "services/harbor-gate.md",
)
BOTH = [GATE, TRAYS]


def test_longer_name_does_not_name_the_shorter_thing() -> None:
    asked = read_question("Which colour is the label that Harbor puts on crates?", [
        one.title for one in BOTH
    ])  # fmt: skip
    assert asked.entities == ("Harbor",)
    longer = asked.longer_than("Harbor")
    assert longer == ["harbor gate"]
    assert names(read_source(TRAYS), "Harbor", longer)
    assert not names(read_source(GATE), "Harbor", longer)
    both = Passage("Harbor Gate", "", "The gate asks Harbor whether a crate may leave.")
    assert names(read_source(both), "Harbor", longer)


@pytest.mark.parametrize("question", ["Which colour does the lamp of Harbor show?"])
def test_value_of_the_thing_with_the_longer_name_is_not_the_answer(question: str) -> None:
    assert verify(question, "violet", [GATE]).supported
    support = verify(question, "violet", BOTH)
    assert not support.supported
    assert "“Harbor” stands nowhere" in support.problem


@pytest.mark.parametrize("name", ["Harbor Gate", "harbor gate", "harbor-gate"])
def test_longer_name_names_its_own_thing_alone(name: str) -> None:
    question = f"Which colour does the lamp of {name} show?"
    asked = read_question(question, [one.title for one in BOTH])
    assert len(asked.entities) == 1
    assert asked.longer_than(asked.entities[0]) == []
    assert verify(question, "violet", BOTH).supported


def test_made_up_name_inside_a_longer_one_is_none_of_its_own() -> None:
    titles = ["Traywren", "Traywren Gate"]
    assert read_question("cost code of traywren gate", titles).entities == ("traywren gate",)
    assert read_question("cost code of traywren", titles).entities == ("traywren",)


LEDGER = Passage(
    "Harbor Ledger",
    "Facts",
    "The ledger takes its counts from Harbor Gate.\nIt is written in Kotlin.\n"
    "New versions come on Mondays.\nA crate is booked within 40 seconds.",
    "services/harbor-ledger.md",
)


def test_page_that_only_mentions_a_thing_with_a_page_of_its_own_tells_nothing_of_it() -> None:
    question = "When do new versions of Harbor Gate come?"
    assert verify(question, "Mondays", [LEDGER]).supported
    support = verify(question, "Mondays", [GATE, LEDGER])
    assert not support.supported
    assert support.problem.startswith("The page is about something else")


def test_what_stands_beside_the_mention_may_be_about_it() -> None:
    beside = Passage("Rota", "", "We run Harbor Gate. Its versions come on Mondays. Call Ada.")
    assert verify("When do versions of Harbor Gate come?", "Mondays", [GATE, beside]).supported


def test_page_about_one_of_two_things_that_are_asked_about_may_tell() -> None:
    question = "Within how many seconds of a call from Harbor Gate does Harbor Ledger book a crate?"
    assert verify(question, "40 seconds", [GATE, LEDGER]).supported


VANS = Passage(
    "Mails on Edith and Agnes",
    "",
    "Agnes takes two pallets. Edith's inside height is 2.35 metres. That's a lot.",
)
AGNES = Passage("Agnes", "", "It is Friday. Ada's measured height of the load is 2.35 metres.")


@pytest.mark.parametrize(
    ("question", "page", "supported"),
    [
        ("What is the inside height of Agnes?", VANS, False),
        ("What is the inside height of Edith?", VANS, True),
        ("What is the inside height?", VANS, True),
        # On a page of her own it may well be hers.
        ("What is the height of the load of Agnes?", AGNES, True),
    ],
)
def test_what_is_anothers_own_is_not_what_is_asked_for(
    question: str, page: Passage, *, supported: bool
) -> None:
    assert verify(question, "2.35 metres", [page]).supported is supported


PORTER = Passage(
    "Night Porter: questions and answers", "", "It belongs to the Reception squad.", "porter.md"
)
DELIVERY = Passage(
    "Night Porter delivery", "", "SMS provider: Tellarix\nTries: 7 attempts", "delivery.md"
)


def test_second_page_about_a_thing_is_about_no_other() -> None:
    asked = read_question("night porter sms provider", [PORTER.title, DELIVERY.title])
    assert asked.longer_than("night porter") == []
    assert verify("night porter sms provider", "Tellarix", [PORTER, DELIVERY]).supported
    assert named_first("night porter sms provider", [PORTER, DELIVERY]) == [0, 1]


@pytest.mark.parametrize(
    ("name", "titles", "longer"),
    [
        ("Night Porter", ["Night Porter", "Night Porter delivery and limits"], []),
        ("Night Porter", ["Night Porter", "Night Porter Runbook", "Night Porter Operations"], []),
        ("Amber sluice", ["Amber sluice", "Amber sluice feed rules"], []),
        ("Panwatch", ["Panwatch", "Panwatch tuning"], []),
        ("Amber Sluice", ["Amber Sluice", "AMBER SLUICE FEED LEVELS"], []),
        # A second name, as its capital says.
        ("Night Porter", ["Night Porter", "Night Porter Mobile"], ["night porter mobile"]),
        ("Panwatch", ["Panwatch", "Panwatch Gate setup"], ["panwatch gate"]),
        ("Amber", ["Amber", "AMBER SLUICE"], ["amber sluice"]),
        ("Panwatch", ["PANWATCH", "PANWATCH RUNBOOK"], []),
        # Everyday words may begin the names of two things.
        ("Harbor", ["Harbor", "Harbor gate"], ["harbor gate"]),
        ("harbor", ["harbor", "harbor-gate"], ["harbor gate"]),
        ("Night Porter", ["Night Porter", "Night Porter 2"], ["night porter 2"]),
    ],
)
def test_longer_title_is_another_name_only_if_it_is_written_as_one(
    name: str, titles: list[str], longer: list[str]
) -> None:
    assert read_question(f"Who runs {name}?", titles).longer_than(name) == longer
