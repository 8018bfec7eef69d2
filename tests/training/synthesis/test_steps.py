"""What steps of instructions are done with: commands, files, flags and endpoints."""

import pytest

from training.synthesis.mined import MinedFrom
from training.synthesis.mining import mine
from training.synthesis.steps import as_order, case_of

TITLE, PATH = "Plover", "services/plover.md"
OPENING = "Plover is the service that sorts the post."


def asked(text: str, *headings: str, kind: str = "list") -> dict[str, tuple[str, ...]]:
    """Each answer → its questions."""
    passage = MinedFrom(TITLE, PATH, headings, kind, "", text, opening=OPENING)
    return {fact.answer: fact.questions for fact in mine(passage)}


@pytest.mark.parametrize(
    ("step", "answer", "question"),
    [
        (
            "1. Run sortctl reload plover --force from the jump host.",
            "sortctl reload plover --force",
            "in Plover, which command do I run from the jump host",
        ),
        (
            "2) As root: systemctl restart post-belt",
            "systemctl restart post-belt",
            "which command do I run as root",
        ),
        (
            "- Before a holiday, empty the trays with traytool flush --all and lock the door.",
            "traytool flush --all",
            "before a holiday, with which command do I empty the trays",
        ),
        (
            "A recount is started with traytool recount --depot followed by its number.",
            "traytool recount --depot",
            "with which command is a recount started",
        ),
        (
            "3. If letters pile up, switch on the flag slow_belt until the hall is empty.",
            "slow_belt",
            "if letters pile up, which flag do I switch on",
        ),
        (
            "Turn on late_round if the same letter comes back twice.",
            "late_round",
            "which flag do I turn on if the same letter comes back twice",
        ),
        (
            "Late rounds are never printed unless rounds.print-late has been enabled.",
            "rounds.print-late",
            "late rounds are never printed unless which flag has been enabled",
        ),
        (
            "The night belt can be slowed with the switch belt.night-mode.",
            "belt.night-mode",
            "with which switch can the night belt be slowed",
        ),
        (
            "Disable slow.belt before the holidays.",
            "slow.belt",
            "which flag do I disable before the holidays",
        ),
        (
            "The gate is opened by gatectl open --force only by the lead.",
            "gatectl open --force",
            "by which command is the gate opened",
        ),
        (
            "2. Check /etc/plover/belts.toml on the sorting host.",
            "/etc/plover/belts.toml",
            "which file do I check on the sorting host",
        ),
        (
            "4. Call /belt/ping and wait for the light.",
            "/belt/ping",
            "which endpoint do I call",
        ),
        (
            "half_trays lets the hall send a tray before it is full.",
            "half_trays",
            "what lets the hall send a tray before it is full",
        ),
    ],
)
def test_a_step_is_asked_for_what_it_is_done_with(step: str, answer: str, question: str) -> None:
    found = asked(step)[answer]
    assert any(question.lower() in one.lower() for one in found)
    assert all("Plover" in one for one in found)


def test_a_list_that_was_run_together_has_its_steps() -> None:
    text = "a. Look at the hall. b. Compare /etc/plover/belts.toml with the backup. c. Ask."
    found = asked(text, kind="prose")["/etc/plover/belts.toml"]
    assert any("which file do I compare with the backup" in one for one in found)


def test_a_step_is_asked_for_in_the_case_of_its_section() -> None:
    found = asked("1. Run sortctl reload from the jump host.", "If the belt stands still")
    questions = found["sortctl reload"]
    assert (
        "If the belt stands still, which command do I run from the jump host in Plover?"
        in questions
    )


def test_what_is_asked_for_need_not_be_called_by_its_kind() -> None:
    run = asked("Run sortctl reload from the jump host.")["sortctl reload"]
    assert any("what do I run from the jump host" in one for one in run)
    call = asked("Call /belt/ping and wait for the light.")["/belt/ping"]
    assert not any("what do I call" in one for one in call)  # about anything


def test_a_command_that_says_what_it_does_is_asked_for_by_that() -> None:
    questions = asked("2. Run sortctl drain belt-4 from the jump host.")["sortctl drain belt-4"]
    assert any("to drain belt-4" in one for one in questions)


@pytest.mark.parametrize(
    "sentence",
    [
        "Sort the post with the new --fast option.",  # an option of something
        "Write to the people with a list of the trays.",
        "Turn on two-factor login for the hall.",
        "Run the belt once again before noon comes.",
        "Late_round lets nobody in.",
    ],
)
def test_everyday_words_are_no_command_and_no_flag(sentence: str) -> None:
    answers = asked(sentence)
    assert not any(" " in one or "-" in one or "_" in one for one in answers), answers


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("As root: systemctl restart belt", "As root, run systemctl restart belt."),
        ("sortctl drain --all", "Run sortctl drain --all."),
        ("Yes, run sortctl drain --all at noon.", "Run sortctl drain --all at noon."),
        ("Yes, through the portal.", "Yes, through the portal."),
        ("Remember: the belt is old.", "Remember: the belt is old."),
    ],
)
def test_a_command_behind_a_colon_is_an_order(written: str, told: str) -> None:
    assert as_order(written) == told


@pytest.mark.parametrize(
    ("heading", "case"),
    [
        ("If the belt stands still", "if the belt stands still"),
        ("WHEN A TRAY IS LOST", "when a tray is lost"),
        ("When something is wrong", ""),  # whatever that is
        ("After hours", ""),
        ("Trays", ""),
    ],
)
def test_a_heading_names_a_case(heading: str, case: str) -> None:
    assert case_of((heading,)) == case
