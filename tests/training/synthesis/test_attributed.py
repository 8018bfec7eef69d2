"""Sentences that give a label its value, as people write what might stand in a table."""

import pytest

from training.synthesis.mined import MinedFrom
from training.synthesis.mining import mine

OPENING = "Kelp Lantern is the turnstile that lets crews into the yard."


def asked(text: str, title: str = "Kelp Lantern") -> dict[str, tuple[str, ...]]:
    """Each answer → its questions."""
    passage = MinedFrom(title, "services/kelp_lantern.md", (), "prose", "", text, opening=OPENING)
    return {fact.answer: fact.questions for fact in mine(passage)}


@pytest.mark.parametrize(
    ("sentence", "answer", "question"),
    [
        ("The implementation language of the service is Rust.", "Rust", "programming language"),
        (
            "The rollback command for Kelp Lantern is kl-ctl undo kelp lantern --steps 1.",
            "kl-ctl undo kelp lantern --steps 1",
            "rollback command",
        ),
        ("The replica count in production is fixed at 44.", "44", "replica count in production"),
        ("The team responsible for Kelp Lantern is Harbour Works.", "Harbour Works", "who owns"),
        (
            "The team responsible for Kelp Lantern is Tools and Keys.",
            "Tools and Keys",
            "who owns",
        ),
        ("Kelp Lantern starts at dawn. Its RTO is set at 8 hours.", "8 hours", "rto"),
        ("Kelp Lantern applies a timeout of 12 seconds to each call.", "12 seconds", "timeout"),
        (
            "In Kelp Lantern, the count job is scheduled daily at 01:25 CET.",
            "daily at 01:25 CET",
            "count",
        ),
        (
            "Kelp Lantern starts the count on weekdays at 19:30.",
            "on weekdays at 19:30",
            "the count",
        ),
        ("The retry limit of Kelp Lantern for a door order is 2 times.", "2", "how many times"),
        (
            "The outbound topic of Kelp Lantern for door counts is yd.counts.hourly.",
            "yd.counts.hourly",
            "topic",
        ),
        ("The team that answers for Kelp Lantern is Team Avocet.", "Team Avocet", "who owns"),
        ("The release of Kelp Lantern that is live today is 6.3.1.", "6.3.1", "version"),
        ("The duty phone of Kelp Lantern is extension 4471.", "4471", "phone"),
        ("After 38 months, door counts are purged from Kelp Lantern.", "38 months", "door counts"),
        ("As technical lead, Casimir Oyelaran decides on gates.", "Casimir Oyelaran", "tech lead"),
        ("Design questions go to its technical lead, Mirela Horn.", "Mirela Horn", "tech lead"),
        ("Access to Kelp Lantern is secured by signed AS4 notes.", "signed AS4 notes", "log in"),
        (
            "Authentication on Kelp Lantern is done with OAuth 2.0 client keys.",
            "OAuth 2.0 client keys",
            "log in",
        ),
        ("To enable the night mode of Kelp Lantern, set KL_NIGHT.", "KL_NIGHT", "night mode"),
        ("C++20 was chosen as the implementation language.", "C++20", "programming language"),
        ("Kotlin was chosen as the implementation language.", "Kotlin", "programming language"),
        ("Priya Castell is the tech lead and signs off designs.", "Priya Castell", "tech lead"),
        ("Design questions go to Maren Sato, the technical lead.", "Maren Sato", "tech lead"),
        ("Oluwa Adeyemi leads the technical work on the gate.", "Oluwa Adeyemi", "tech lead"),
        ("Clone yard-tools/kelp-lantern to work on it.", "yard-tools/kelp-lantern", "repo"),
        (
            "Merge requests are opened against yard-tools/kelp-lantern.",
            "yard-tools/kelp-lantern",
            "repo",
        ),
        (
            "The source is in the repository yard-tools/kelp-lantern.",
            "yard-tools/kelp-lantern",
            "repo",
        ),
        ("The service reads its events from yd.doors.open.v2.", "yd.doors.open.v2", "topic"),
        ("Kelp Lantern consumes the topic yd.doors.open.v2.", "yd.doors.open.v2", "consume"),
        ("Callers prove who they are with OIDC tokens.", "OIDC tokens", "authenticate"),
        ("For persistence, Kelp Lantern relies on MariaDB 10.11.", "MariaDB 10.11", "database"),
        ("A pod may use no more than 6 GiB of memory.", "6 GiB", "how much memory"),
        ("Entries in the local cache expire after 90 seconds.", "90 seconds", "after how long"),
        (
            "Clients above 1200 requests per minute receive HTTP 429.",
            "1200 requests per minute",
            "rate limit",
        ),
        (
            "Secrets that the service needs are replaced every 120 days.",
            "every 120 days",
            "secrets",
        ),
        (
            "The door log is printed weekly on Sunday at 03:40 UTC.",
            "weekly on Sunday at 03:40 UTC",
            "when",
        ),
    ],
)
def test_what_is_said_of_a_label_is_its_value(sentence: str, answer: str, question: str) -> None:
    questions = asked(sentence)
    assert answer in questions, questions
    assert question in " ".join(questions[answer]).lower()


@pytest.mark.parametrize(
    "sentence",
    [
        "The figure is 30 minutes.",  # Of what stands elsewhere.
        "The idea of Kelp Lantern is Scandinavian.",  # No label that is known.
        "The gate has a crew of Danes and Finns.",
        "The owner of Kelp Lantern is the one who built it.",
        "The antenna is red. Its weight is 40 kg.",  # Not the page's.
    ],
)
def test_what_is_no_value_of_a_label_is_not_asked_for(sentence: str) -> None:
    assert asked(sentence) == {}


def test_it_is_not_asked_on_which_topic_something_publishes_that_reads_it() -> None:
    questions = asked("Kelp Lantern consumes the topic yd.doors.open.v2.")["yd.doors.open.v2"]
    assert not any("publish?" in question for question in questions)


def test_a_name_that_a_title_shouts_is_asked_about_as_the_text_writes_it() -> None:
    questions = asked("The listening port is 8088.", title="KELP LANTERN (Kelp Lantern)")["8088"]
    assert all("Kelp Lantern" in question for question in questions)


@pytest.mark.parametrize(
    ("label", "value", "wrong"),
    [
        ("Paging error rate", "1.2 %", "price"),
        ("Maximum payload", "20 MiB", "weigh"),
        ("Lead engineer", "Chiara Lind", "mean"),
        ("Backup schedule", "daily at 02:15 UTC", "does kelp lantern run"),
        ("Kill switch", "kelp-intake-off", "new"),
    ],
)
def test_a_label_is_not_asked_for_in_words_for_something_else(
    label: str, value: str, wrong: str
) -> None:
    questions = " ".join(asked(f"{label}\n{value}")[value]).lower()
    assert wrong not in questions


def test_what_stands_in_brackets_behind_a_label_narrows_it() -> None:
    questions = asked("Replicas (production): 18")["18"]
    assert any("production replicas" in question.lower() for question in questions)
