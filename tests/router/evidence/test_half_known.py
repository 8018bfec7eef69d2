"""Names in small letters of which the titles know one word."""

import pytest

from router.evidence.half_known import half_known_in
from router.prompts import Passage
from router.verification import verify

TITLES = ["Harbor Gate", "Turnpike Ticket Gate: handbook", "Gavel Otter", "Gavel Heron: notes"]
TOLD = frozenset({"port", "retri", "log"})


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("where is the log of port gate", ["port gate"]),
        ("curl to see whether port gate's up", ["port gate"]),
        ("can port gate take 5 MB", ["port gate"]),
        ("how many calls at port gate before it says no?", ["port gate"]),
        ("who owns port gate", ["port gate"]),
        # There is such a thing, or a longer one ends so.
        ("where is the log of harbor gate", []),
        ("where is the log of ticket gate", []),
        ("log of turnpike ticket gate", []),
        # Only which one, or where it is meant.
        ("the log of main gate", []),
        ("the log of staging gate", []),
        ("the log of renamed gate", []),
        ("the log of our gate", []),
        ("the log of a port, gate or otter", []),
        # The gate does something here, or something is done to it.
        ("number of retries gate makes", []),
        ("the port gate listens on", []),
        ("how to log gate", []),
        ("the log of lodge rack", []),
    ],
)
def test_end_of_a_title_with_any_word_is_a_name_where_only_names_stand(
    question: str, named: list[str]
) -> None:
    assert half_known_in(question, TITLES, TOLD) == named


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("marrow gate retention?", ["marrow gate"]),
        ("port gate retention?", []),
        # Several otters there may be; nobody calls one of two gavels so.
        ("whats the largest marrow otter takes", []),
        ("what does gavel badger listen on", ["gavel badger"]),
        ("health url gavel badger??", ["gavel badger"]),
        ("gavel port", []),
        ("gavel heron port", []),
        ("is gavel closed on sundays", []),
        ("harbor uptime", []),
        ("harbor candle firmware", ["harbor candle"]),
        ("harbor candle", []),
        ("which harbor candle firmware", []),
        ("harbor tally's port nr", ["harbor tally"]),
        ("timeout for harbor tally?", ["harbor tally"]),
    ],
)
def test_elsewhere_the_other_word_is_one_that_no_passage_has(
    question: str, named: list[str]
) -> None:
    assert half_known_in(question, TITLES, TOLD) == named


def test_beside_two_that_end_so_a_strange_word_makes_a_third() -> None:
    asked = "whats the largest iron gate will take"
    assert half_known_in(asked, TITLES, TOLD) == []
    assert half_known_in(asked, [*TITLES, "Copper Gate"], TOLD) == ["iron gate"]
    assert half_known_in(asked, [*TITLES, "Copper Gate"], TOLD | {"iron"}) == []


def test_value_of_what_shares_a_word_is_no_answer_about_another_thing() -> None:
    otter = Passage(title="Gavel Otter", heading="", text="Port: 5012", path="otter.md")
    heron = Passage(title="Gavel Heron", heading="", text="It bids.", path="heron.md")
    assert verify("what does gavel otter listen on", "5012", [otter, heron]).supported
    assert verify("port of gavel ottre", "5012", [otter, heron]).supported, "a slip of the finger"
    refused = verify("what does gavel badger listen on", "5012", [otter, heron])
    assert not refused.supported
    assert "“gavel badger” stands nowhere" in refused.problem


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("port rotation harbor vault", ["harbor vault"]),
        ("log of the copper otter please", ["copper otter"]),
        # Nothing of the kind is called so, or it is a known one.
        ("port of copper vault", []),
        ("harbor gate port", []),
        # A sentence began with these: `The Gate opens at noon`.
        ("port of the gate", []),
        ("port of our gate in march", []),
        ("log of the main gate", []),
        ("is harbor the one with the log", []),
    ],
)
def test_what_a_passage_writes_as_a_name_is_one_in_small_letters(
    question: str, named: list[str]
) -> None:
    written = {("harbor", "vault"), ("copper", "otter"), ("copper", "vault"), ("harbor", "gate")}
    written |= {("the", "gate"), ("our", "gate"), ("main", "gate"), ("harbor", "the")}
    told = TOLD | {"harbor", "vault", "copper"}
    assert half_known_in(question, TITLES, told, written) == named


def test_what_stands_beside_the_mention_of_a_thing_without_a_page_is_not_of_it() -> None:
    gate = Passage("Harbor Gate", "", "The signing key is rotated every 28 days.", "gate.md")
    overview = Passage(
        "Overview", "", "Two more systems, Harbor Vault and Copper Otter, are run elsewhere."
    )
    question = "key rotation harbor vault"
    assert verify(question, "28 days", [gate]).supported
    assert not verify(question, "28 days", [gate, overview]).supported
    assert verify("key rotation harbor gate", "28 days", [gate, overview]).supported
