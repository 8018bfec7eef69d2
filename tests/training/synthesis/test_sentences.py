"""What sentences say, and of what: each kind of sentence as handbooks write them."""

import pytest

from training.synthesis.mined import MinedFrom
from training.synthesis.mining import mine

TITLE, PATH = "Kelp Lantern", "services/kelp_lantern.md"


OPENING = "Kelp Lantern is the turnstile that lets crews into the yard."


def passage(text: str, *headings: str, kind: str = "prose") -> MinedFrom:
    return MinedFrom(TITLE, PATH, headings, kind, "", text, opening=OPENING)


def asked(text: str, *headings: str, kind: str = "prose") -> dict[str, tuple[str, ...]]:
    """Each answer → its questions."""
    return {fact.answer: fact.questions for fact in mine(passage(text, *headings, kind=kind))}


@pytest.mark.parametrize("heading", ["2. Parcels", "2) Parcels", "Parcels"])
def test_a_heading_of_one_word_makes_it_no_name_whatever_its_number(heading: str) -> None:
    questions = asked("Parcels are sorted in batches of 90 boxes.", heading)
    assert any("Kelp Lantern" in question for found in questions.values() for question in found)
    assert not any("of Parcels" in question for found in questions.values() for question in found)


@pytest.mark.parametrize(
    ("sentence", "answer", "question"),
    [
        (
            "A courier that has not rung within 9 minutes counts as lost.",
            "9 minutes",
            "a courier that has not rung within how long counts as lost",
        ),
        (
            "A seat that nobody takes is sold after 20 minutes.",
            "20 minutes",
            "after how long is a seat that nobody takes sold",
        ),
        (
            "A bell that is not answered goes to the porter after 6 minutes.",
            "6 minutes",
            "after how long does a bell that is not answered go to the porter",
        ),
        (
            "Crates are let in only if their lid showed -4 to -2 °C at the gate.",
            "-4 to -2 °C",
            "what temperature at the gate",
        ),
        (
            "The deed asks that 95 % of riders get in.",
            "95 %",
            "what percentage",
        ),
        (
            "The gate reader speaks v3 of the card protocol.",
            "v3",
            "which version of the card protocol does the gate reader speak",
        ),
        ("Lists are printed as PDF/X-4 and filed.", "PDF/X-4", "in which format are lists printed"),
        ("Doors that open for more than 40 seconds are shut.", "40 seconds", "that open for more"),
        ("A rider gets a card that is good for 15 weeks.", "15 weeks", "a card that is good for"),
        ("Lids are kept for 3 years, after which somebody burns them.", "3 years", "lids"),
        (
            "A guest has 11 days after the stay before the first letter is sent.",
            "11 days",
            "how long does a guest have after the stay before the first letter is sent",
        ),
        ("On-call must answer a bell within 7 minutes, because dough burns.", "7 minutes", "bell"),
        (
            "Heat above the mark for 20 minutes makes a batch bitter.",
            "20 minutes",
            "above the mark",
        ),
    ],
)
def test_a_noun_may_be_told_by_a_clause_and_another_thought_may_follow(
    sentence: str, answer: str, question: str
) -> None:
    assert any(question in found for found in asked(sentence)[answer])


@pytest.mark.parametrize(
    "sentence",
    [
        "After that the lid stays open for 30 minutes.",
        "The one above is kept for 30 days.",
        "The first is kept for 30 days.",
        "We send them back within 30 days.",
        "Since then the lid stays open for 30 minutes.",
        "Its lid stays open for 30 minutes.",
        "The figure is 30 minutes, and you may wait.",
        "Fuses that blow three nights in a row are new.",
        "The yard has 2.1 million lids.",
        "Any bent rim, any wheel that wobbles for 30 minutes, any rust.",  # has no verb of its own
        "In the north the same round belongs to Robin Vane.",  # no owner of the subject
    ],
)
def test_a_thought_that_leans_on_others_is_not_asked_for(sentence: str) -> None:
    assert asked(sentence) == {}


@pytest.mark.parametrize(
    ("text", "answer", "question"),
    [
        (
            "Crates come in at night. They are kept for 12 hours.",
            "12 hours",
            "how long are crates kept",
        ),
        (
            "The turnstile waits 9 seconds for a card.",
            "9 seconds",
            "Kelp Lantern waits how long for a",
        ),
        (
            "Between two cards the turnstile pauses for 3 seconds.",
            "3 seconds",
            "Kelp Lantern pauses for how long",
        ),
        (
            "Today the service runs in two yards. Ask at the gate before you enter. "
            "It opens at 05:40 each day.",
            "05:40",
            "what time does Kelp Lantern open",
        ),
    ],
)
def test_a_pronoun_or_the_kind_of_thing_stands_for_what_was_named(
    text: str, answer: str, question: str
) -> None:
    found = next(questions for said, questions in asked(text).items() if said.startswith(answer))
    assert any(question in each for each in found)


@pytest.mark.parametrize(
    "text",
    [
        "Guards take the crates. They are kept for 12 hours.",  # who are?
        "A guard brings the crate. They are kept for 12 hours.",
        "Take the long test. It lasts 12 hours.",
        "Tell the guard. They are kept for 12 hours.",
    ],
)
def test_they_stands_for_nothing_where_it_may_mean_two_things(text: str) -> None:
    assert asked(text) == {}


@pytest.mark.parametrize(
    "span", ["Tuesday 02:00 to 03:30", "Tuesday 02:00–03:30", "every Tuesday between 2 pm and 4 pm"]
)
def test_a_day_with_a_span_is_one_value(span: str) -> None:
    assert span in asked(f"The oven is cleaned on {span}.")


def test_one_of_two_values_alone_is_no_answer() -> None:
    assert "2 days" not in asked("Lids are good for 3 rounds or 2 days.")
    found = asked(
        "A weekday earns £28 and a Saturday or Sunday night £41. Come on a Friday at two."
    )
    assert not {"Saturday", "Sunday", "Friday"} & found.keys()


def test_an_item_of_a_list_may_be_a_sentence_without_a_full_stop() -> None:
    items = "- crates must be closed within 25 minutes\n- a big yellow lid for 30 minutes"
    found = asked(items, kind="list")
    assert list(found) == ["25 minutes"]
    assert asked("- crates must be closed: yard shut within 25 minutes", kind="list") == {}
    assert asked("crates must be closed within 25 minutes") == {}


def test_they_who_can_be_reached_are_the_people_behind_the_service() -> None:
    found = asked(
        f"{TITLE} is in the hands of the Gate Crew. They can be reached at gate@kelp.example."
    )
    assert "gate@kelp.example" in found


def test_a_section_stands_above_the_first_of_its_settings() -> None:
    assert "6120" in asked("[gate]\nbind_port = 6120\nopen_for = 9 seconds")


def test_a_service_is_no_value_of_its_own_sentence() -> None:
    source = MinedFrom(
        "kelp-lantern", "kelp-lantern.md", (), "prose", "", "Inside the cluster the service waits."
    )
    assert mine(source) == []


def test_a_name_of_one_word_keeps_its_capital() -> None:
    source = MinedFrom(
        "Ovenbird", "ovenbird.md", (), "prose", "", "Ovenbird may sleep on Saturday 22:00 to 23:00."
    )
    (fact,) = mine(source)
    assert fact.questions[0] == "When may Ovenbird sleep?"


def test_what_a_reader_is_to_do_is_no_name() -> None:
    found = asked("Set YARD_GATE to 1 to keep the gate open. Scanned lids may weigh up to 30 kg.")
    questions = [question for each in found.values() for question in each]
    assert any("set which variable to 1" in question for question in questions)
    assert any("scanned lids may weigh" in question for question in questions)


def test_a_variable_that_has_the_name_in_it_does_not_name_the_subject() -> None:
    source = MinedFrom(
        "Ovenbird", "ovenbird.md", (), "prose", "", "Set OVENBIRD_TZ to Rome in the yards."
    )
    (fact,) = mine(source)
    assert all("Ovenbird" in question for question in fact.questions)


def test_to_see_what_happens_is_no_reference() -> None:
    assert "--ghost" in asked("Use --ghost to see which lids would move.")
    assert asked("See page 14 of the plan, which is 30 days old.") == {}
