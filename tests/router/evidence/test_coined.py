"""Names in small letters that nobody marks as such."""

import pytest

from router.evidence.named import coined_in
from router.prompts import Passage
from router.verification import verify

TITLES = ["Panwatch: readings of the pans", "Deploy handbook"]
PANWATCH = Passage(
    title=TITLES[0],
    heading="Runtime",
    text="It runs in eu-south-2. Readings are kept for 40 days.",
    path="panwatch.md",
)


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Which cloud region does brinegate run in?", ["brinegate"]),
        ("Who owns saltbridge?", ["saltbridge"]),
        ("What is panwarden's port?", ["panwarden"]),
        ("Who leads the pumpmaster service?", ["pumpmaster"]),
        ("How long are readings of panwatch kept?", ["panwatch"]),
        ("Which timeout has the webhook?", []),
        ("How many retries does a client get?", []),
        ("What does the databse hold?", []),
    ],
)
def test_coined_words_are_names_where_nouns_need_an_article(
    question: str, names: list[str]
) -> None:
    assert coined_in(question, TITLES) == names


def test_beside_the_name_of_a_title_a_rare_word_is_none() -> None:
    assert coined_in("env var for vandalism in panwatch", TITLES) == ["panwatch"]
    assert coined_in("env var for vandalism in pan-relay", [*TITLES, "pan-relay"]) == []
    assert coined_in("env var for vandalism", TITLES) == ["vandalism"]


def test_beside_a_word_within_a_title_it_is_one_where_a_noun_needs_an_article() -> None:
    titles = [*TITLES, "Upgrade of Kubernetes"]
    assert coined_in("does brinegate run on kubernetes", titles) == ["brinegate"]


@pytest.mark.parametrize(
    "titles", [[], ["Deploy handbook"], ["Runbook: stow"], ["brine-ledger"], ["Amber Ledger"]]
)
def test_where_no_title_is_such_a_word_none_is_a_name(titles: list[str]) -> None:
    assert coined_in("Which cloud region does brinegate run in?", titles) == []


def test_value_of_another_thing_is_no_answer_about_a_coined_one() -> None:
    said = "eu-south-2"
    assert verify("Which cloud region does panwatch run in?", said, [PANWATCH]).supported
    refused = verify("Which cloud region does brinegate run in?", said, [PANWATCH])
    assert not refused.supported
    assert "“brinegate” stands nowhere" in refused.problem


def test_slip_of_the_finger_in_a_coined_name_is_forgiven() -> None:
    assert verify("Which cloud region does panwtach run in?", "eu-south-2", [PANWATCH]).supported


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("sedgemill marker pid?", ["sedgemill"]),
        ("job timeout in kestrelwick", ["kestrelwick"]),
        ("how loud should it be according to sedgecast", ["sedgecast"]),
        # It names a thing there is, or only begins as one.
        ("job timeout in kestrelmill", []),
        ("does the kestrelmill job beat kestrelwick", []),
        ("sedative marker pid?", []),
        ("postgres version?", []),
    ],
)
def test_words_made_as_the_names_of_titles_are_names_wherever_they_stand(
    question: str, names: list[str]
) -> None:
    titles = ["Tuning Kestrelmill workers", "The Sedgeway and Farwick lines", "Postbag rules"]
    assert coined_in(question, titles) == names
