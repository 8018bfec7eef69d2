import pytest

from router.followups import standalone

BEFORE = ["Which port does onyx-relay listen on?"]


@pytest.mark.parametrize(
    ("asked", "understood"),
    [
        ("And cedar-vault?", "Which port does cedar-vault listen on?"),
        ("What about the cedar-vault?", "Which port does cedar-vault listen on?"),
        ("and its timeout?", "onyx-relay's timeout?"),
        ("ok and what about the max retries?", "the max retries of onyx-relay?"),
        ("And how often does it retry?", "how often does onyx-relay retry?"),
        ("What is its owner?", "What is onyx-relay's owner?"),
        ("Who owns that service?", "Who owns onyx-relay?"),
        ("why?", "why: Which port does onyx-relay listen on?"),
        ("the timeout", "the timeout of onyx-relay?"),
        ("and who owns cedar-vault?", "who owns cedar-vault?"),
    ],
)
def test_what_leans_on_the_question_before_is_said_in_full(asked: str, understood: str) -> None:
    assert standalone(asked, BEFORE) == understood


@pytest.mark.parametrize(
    "asked",
    [
        "Who owns cedar-vault?",
        "Is it possible to log in twice?",
        "How many retries are allowed for deliveries of the webhook in production?",
    ],
)
def test_what_stands_alone_stays(asked: str) -> None:
    assert standalone(asked, BEFORE) == asked


@pytest.mark.parametrize(
    ("before", "asked", "understood"),
    [
        (r"Who owns C:\data\new?", "Who maintains it?", r"Who maintains C:\data\new?"),
        (r"Who owns C:\data\new?", "and its size?", r"C:\data\new's size?"),
        (r"How large is \\depot\1\group?", "Who reads it?", r"Who reads \\depot\1\group?"),
        (r"Which rights has CORP\g?", "Who are its heads?", r"Who are CORP\g's heads?"),
        (r"Which rights has CORP\g?", r"And AREA\n?", r"Which rights has AREA\n?"),
    ],
)
def test_name_is_taken_as_it_is_written_also_with_backslashes(
    before: str, asked: str, understood: str
) -> None:
    assert standalone(asked, [before]) == understood


def test_without_a_name_before_nothing_is_added() -> None:
    assert standalone("and its port?", []) == "and its port?"
    assert standalone("and its port?", ["how do I log in?"]) == "and its port?"


def test_the_newest_name_counts() -> None:
    earlier = ["how do I log in?", "Who owns cedar-vault?", *BEFORE]
    assert standalone("And since when?", earlier) == "since when: Who owns cedar-vault?"
