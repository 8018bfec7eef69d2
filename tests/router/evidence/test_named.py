"""What a question names."""

import time

import pytest

from router.evidence.named import coined_in, entities_of, opening_in, titled_in
from router.evidence.questions import read_question


@pytest.mark.parametrize(
    ("question", "entities"),
    [
        ("What is the port of cedar-vault in Skagen?", {"cedar-vault", "Skagen"}),
        ("cedar-vault's port, and that of fax_sender’s twin?", {"cedar-vault", "fax_sender"}),
        ("Who closed HO-2271?", {"HO-2271"}),
        ("What does `fax_sender` cost in March on Mondays?", {"fax_sender"}),
        ("How often do we re-try the cloud-based API (ms)?", set()),
        ("Which port do VMs use for mTLS?", set()),
        ("How many sign-offs and roll-outs are there, and what back-ups?", set()),
        ("Who knows? Everybody does.", set()),
        ("How long does the 132-lens chamber cool, and the 40-tonne crane?", set()),
        ("Is auto-restart of the chamber on?", set()),
        ("How long does 132-lgx cool?", {"132-lgx"}),
        ("How much CO2 and h2s may Dock C4 have?", {"Dock", "C4"}),
        ("Which way do the Harbor Gate's logs take, and Ada’s?", {"Harbor Gate", "Ada"}),
        ("Where in Europe or North America does Skagen lie?", {"Skagen"}),
        ("It is slow and I'd like to know what I've to do in Skagen.", {"Skagen"}),
    ],
)
def test_entities_are_what_the_question_names(question: str, entities: set[str]) -> None:
    assert set(entities_of(question)) == entities


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("It is slow.  (Skagen is not.)", set()),
        ("- Skagen\n\n  > Arhus", set()),
        ("Is it slow? * Skagen", set()),
        ("ask (Skagen) *Arhus", {"Skagen", "Arhus"}),
        # A word that is far from the start of the text begins no sentence.
        (f"{'slow ' * 9}Skagen", {"Skagen"}),
        (f"It is slow.{' ' * 30}Skagen", set()),
    ],
)
def test_first_word_of_a_sentence_is_no_name(text: str, entities: set[str]) -> None:
    assert set(entities_of(text)) == entities


@pytest.mark.parametrize(
    "text",
    ["." + " " * 900 + "x" + " Aa." * 270, "\n" * 900 + "x" + " Aa!" * 270],
    ids=["spaces", "lines"],
)
def test_names_behind_much_white_space_are_found_quickly(text: str) -> None:
    # Of this process, so that what else runs on the machine is of no account.
    started = time.process_time()
    entities_of(text)
    assert time.process_time() - started < 0.5


TITLES = ["Turnpike Ticket Gate: handbook", "Marmot Rack Train", "Harbor Gate"]


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("turnpike ticket gate port", ["turnpike ticket gate"]),
        # Nothing is called so, and it is no Turnpike.
        ("turnstone ticket gate port", ["turnstone ticket gate"]),
        ("Turnstone Ticket Gate's port", ["turnstone ticket gate"]),
        ("how fast is the marten rack train", ["marten rack train"]),
        ("port of the new ticket gate", []),
        ("port of our ticket gate", []),
        ("which ticket gate has it", []),
    ],
)
def test_coined_word_before_the_end_of_a_name_makes_another_name(
    question: str, named: list[str]
) -> None:
    assert titled_in(question, TITLES) == named


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("tern tank 4 capacity", ["tern tank 4"]),
        ("tern tank 5 capacity", ["tern tank 5"]),
        ("tern tank 5's capacity", ["tern tank 5"]),
        ("channel of heron tank 4", ["heron tank 4"]),
        ("channel of heron tank 5?", ["heron tank 5"]),
        ("loft 13 port", ["loft 13"]),
        ("tern raft port", ["tern raft"]),
        ("heron raft port", ["heron raft"]),
        # One of the two, and how long or how much.
        ("tern tank capacity", []),
        ("does the loft 30 minutes later", []),
        ("may tern tank 30 kg hold", []),
        ("which tank holds 5", []),
    ],
)
def test_another_number_makes_another_name(question: str, named: list[str]) -> None:
    titles = ["Tern Tank 4", "Tern Tank 6: notes", "Heron Raft", "Loft-12"]
    assert titled_in(question, titles) == named


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("Lodge Gate's port?", ["Lodge Gate"]),
        ("Lodge Rack Train how fast", ["Lodge Rack Train"]),
        ("Harbor Gate port", []),
        ("Which Gate has it?", []),
        ("Ticket Gate port", []),
        ("Port of Lodge Gate?", []),
        ("Lodge gate port", []),
        ("Lodge Rack port", []),
        ("Reset Turnpike", []),
    ],
)
def test_name_that_begins_a_question_ends_like_one_of_a_title(
    question: str, named: list[str]
) -> None:
    assert opening_in(question, TITLES) == named


def test_name_of_one_word_is_no_end_of_a_longer_one_that_begins_a_question() -> None:
    assert opening_in("Reset Gate", TITLES) == ["Reset Gate"]
    assert opening_in("Reset Gate", [*TITLES, "Gate: handbook"]) == []


def test_another_thing_than_those_that_end_so_is_asked_about_at_the_start_as_elsewhere() -> None:
    told = {"Lodge Gate", "lodge gate"}
    for question in ("Lodge Gate port", "the port of Lodge Gate"):
        assert told.intersection(read_question(question, TITLES).entities)


def test_coined_word_is_a_name_where_several_titles_begin_with_one() -> None:
    titles = ["Larkvan delivery fleet", "Crustcam cameras"]
    assert coined_in("how fast is larkbike?", titles) == ["larkbike"]
    assert coined_in("how fast is larkbike?", titles[:1]) == []
    # What begins a question may be any word that is rare.
    assert coined_in("upkeep in CHF?", titles) == []
    assert coined_in("how many rotas has larkvan?", titles) == ["larkvan"]


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("marmot winter mode", ["marmot"]),
        ("winter mode of the train", []),
        # An everyday word may mean anything.
        ("harbor winter mode", []),
    ],
)
def test_coined_word_that_begins_a_name_is_short_for_it(question: str, named: list[str]) -> None:
    assert coined_in(question, TITLES) == named


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("Marmot", "marmot rack train"),
        ("Turnpike Ticket", "turnpike ticket gate"),
        ("Rack Train", "Rack Train"),
        ("Kassa", "Kassa"),
        # Either may be meant, or the one that is called so alone.
        ("Harbor", "Harbor"),
    ],
)
def test_beginning_of_one_name_alone_is_that_thing(name: str, whole: str) -> None:
    asked = read_question("How is it?", [*TITLES, "Harbor Switch"])
    assert asked.whole_name(name) == whole


def test_year_that_is_over_has_to_be_told_of() -> None:
    assert read_question("Who was in charge of Skagen in 1998?").entities == ("Skagen", "1998")
    assert read_question("Who is in charge of Skagen in 2026?").entities == ("Skagen",)
