import sys
from types import FrameType

import pytest

from router.prompts import Passage
from training.datasets.attributes import Asked, asked_of
from training.datasets.material import Material, Pair, Source
from training.datasets.subjects import Mention, Subjects


def subject(
    question: str,
    *,
    title: str = "Guide",
    path: str = "guide.md",
    heading: str = "",
    text: str = "Nothing else.",
    others: tuple[str, ...] = (),
    answer: str = "9",
) -> str | None:
    """The subject of the question in its own writing; None: it has none."""
    passage = Passage(title, heading, text, path)
    source = Source(1, "guide", "wiki", title, path, passages={"p": passage})
    pairs = tuple(
        Pair(number, 1, "p", asked, answer, str(number))
        for number, asked in enumerate((question, *others))
    )
    asked = asked_of(Material(pairs, {1: source}))
    return next((each.surface for each in asked if each.pair.id == 0), None)


@pytest.mark.parametrize(
    "question",
    [
        "Which port does quay-crane use?",
        "quay-crane port?",
        "What is quay-crane's port?",
        "Is (quay-crane) on a port of its own?",
    ],
)
def test_identifier_of_the_title_or_path(question: str) -> None:
    assert subject(question, title="quay-crane service handbook") == "quay-crane"
    assert subject(question, path="services/quay-crane.md") == "quay-crane"


def test_name_of_several_words_in_any_case_or_number() -> None:
    title = "The Harbour Payments API"
    assert subject("Who owns the Harbour Payments API?", title=title) == "Harbour Payments API"
    assert subject("who owns the harbour payments api", title=title) == "harbour payments api"
    assert subject("Who owns Harbour Payment API?", title=title) == "Harbour Payment API"


def test_identifier_of_the_passage_where_the_title_names_none() -> None:
    text = "HC-4221: the berth is taken. HC-4226: the tide is out."
    asked = "What does HC-4226 mean in the Booking API?"
    assert subject(asked, title="Booking API", text=text) == "HC-4226"


def test_answer_is_never_the_subject() -> None:
    text = "The feature flag is use_new_tide."
    assert subject("Is it use_new_tide?", text=text, answer="use_new_tide") is None


def test_heading_of_the_own_passage_is_a_name() -> None:
    heading = "Buildings > Lighthouse North"
    asked = "How high is Lighthouse North?"
    assert subject(asked, title="Buildings", heading=heading) == "Lighthouse North"


def test_title_of_a_text_is_no_name_of_a_thing() -> None:
    title = "How the storm of last winter reached the old harbour wall"
    assert subject("What did the storm of last winter reach?", title=title) is None


def test_everyday_word_is_a_subject_only_if_most_questions_share_it() -> None:
    question, other = "How long may refunds take?", "Who approves refunds?"
    assert subject(question, title="Refunds", others=(other,)) == "refunds"
    strangers = ("Who opens the gate?", "When is it closed?", "Where is the key?")
    assert subject(question, title="Refunds", others=strangers) is None


def test_work_on_a_document_grows_with_its_questions_and_not_with_pairs_of_them() -> None:
    assert calls(2_000) < 2.5 * calls(1_000)


def calls(questions: int) -> int:
    """Of functions, to find the subjects of so many questions on one document."""
    source = Source(1, "r", "wiki", "Refunds", "r.md", passages={"p": Passage("Refunds", "", "-")})
    asked = [f"How long may refunds take in case {number}?" for number in range(questions)]
    pairs = [Pair(number, 1, "p", text, "9 days", "f") for number, text in enumerate(asked)]
    subjects, counted = Subjects({1: source}, pairs), 0

    def count(_frame: FrameType, event: str, _of: object) -> None:
        nonlocal counted
        counted += event == "call"

    sys.setprofile(count)
    try:
        found = [subjects.of(pair) for pair in pairs]
    finally:
        sys.setprofile(None)
    assert {mention.run for mention in found if mention} == {("refund",)}
    return counted


def test_words_in_the_names_of_many_documents_tell_nothing() -> None:
    names = [f"{name} harbour handbook" for name in ("East", "West", "North", "South", "Upper")]
    sources = {
        number: Source(number, "x", "wiki", name, "x.md", passages={"p": Passage(name, "", "Text")})
        for number, name in enumerate(names)
    }
    pair = Pair(1, 0, "p", "What is the depth of the harbour?", "9 m", "f")
    assert asked_of(Material((pair,), sources)) == []


@pytest.mark.parametrize("more", ["", " URL", " when I am late"])
def test_question_about_its_subject_alone(more: str) -> None:
    assert is_alone(f"Which port{more} does the tide gate use?")


@pytest.mark.parametrize("more", [" in Rotterdam", ' for "night shifts"', " for max_boats", " 80"])
def test_question_that_names_something_else_too(more: str) -> None:
    assert not is_alone(f"Which port{more} does the tide gate use?")


def is_alone(question: str) -> bool:
    at = question.index("tide gate")
    mention = Mention(("tide", "gate"), at, at + len("tide gate"))
    return Asked(Pair(1, 1, "p", question, "9", "f"), mention).is_alone


def test_thing_that_questions_are_about_alone_is_the_subject() -> None:
    others = ("Who owns Cleanround?", "Where is Cleanround?", "When did Cleanround start?")
    asked = "What is the deep-clean interval of Cleanround?"

    def found(others: tuple[str, ...]) -> str | None:
        heading, text = "Deep-clean interval", "The deep-clean is due."
        return subject(asked, title="Cleanround", heading=heading, text=text, others=others)

    assert found(others) == "Cleanround"
    # Nobody knows of it otherwise.
    assert found(()) == "deep-clean"


def test_the_most_of_a_name_is_the_subject() -> None:
    others = ("Who owns Coldrest?", "Where is Coldrest?", "When did Coldrest start?")
    asked = "State the rack limit of the Coldrest retarder-prover."
    title = "Coldrest retarder-prover"
    assert subject(asked, title=title, others=others) == "Coldrest retarder-prover"
