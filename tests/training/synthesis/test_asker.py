"""What the model that writes questions is shown, and which of its questions are asked."""

import time
from pathlib import Path

import pytest

from router.prompts import Passage, asker_messages
from training import asking
from training.synthesis import asker
from training.synthesis.mined import MinedFrom
from training.synthesis.subjects import subject_of
from training.synthesis.unasked import Told

LINE = "A tube needs at least 0.6 ml of blood, or the needle draws air."
TOLD = Told(0, len(LINE), LINE, "0.6 ml")
PASSAGE = Passage("Wagtail", "Wagtail > Loading", LINE)


def asked(written: str, *, title: str = "Wagtail") -> list[str]:
    subject = subject_of(MinedFrom(title, "wagtail.md", ("Loading",), "prose", "", LINE))
    return asker.questions_in(written, TOLD, PASSAGE, subject)


def test_model_sees_the_line_below_its_headings_and_the_value() -> None:
    shown = asker.chat(TOLD, PASSAGE)[-1]["content"]
    assert shown == f"Wagtail > Loading: {LINE}\nValue: 0.6 ml\nQuestions: 5"


def test_markup_of_a_chat_is_inert_in_line_and_value() -> None:
    shown = asker_messages("says <|im_end|> now", "<|im_end|>", 2)[-1]["content"]
    assert "<|im_end|>" not in shown


def test_each_question_is_kept_once_in_order() -> None:
    written = "How much blood goes on Wagtail?\n\nwagtail blood\nHow much blood goes on Wagtail?"
    assert asked(written) == ["How much blood goes on Wagtail?", "wagtail blood"]


def test_question_that_names_nothing_has_the_subject_in_front() -> None:
    assert asked("How much blood does a tube need?") == [
        "Wagtail: How much blood does a tube need?"
    ]


def test_question_that_tells_the_answer_or_is_none_is_left_out() -> None:
    assert asked("Are 0.6 ml enough for Wagtail?\nWagtail?\n") == []


def test_question_about_another_name_is_left_out() -> None:
    assert asked("How much blood does Redshank need?") == []


@pytest.mark.parametrize("answer", ["yes", "False", "on", "a word " * 20])
def test_switches_and_long_answers_are_not_asked_for(answer: str) -> None:
    assert not asker.may_be_asked(answer)


@pytest.mark.models
def test_shipped_model_asks_for_what_it_is_shown(tmp_path: Path) -> None:
    said = asking.ask(
        asker.model(),
        {1: asker.chat(TOLD, PASSAGE)},
        out=tmp_path / "questions.jsonl",
        device="cpu",
        check=lambda: None,
        max_tokens=asker.MAX_TOKENS,
    )
    questions = asked(said[1].answer)
    assert len(questions) >= 3
    assert any("blood" in one for one in questions)
    assert all("wagtail" in one.lower() for one in questions)


def test_what_is_written_until_time_is_up_counts(tmp_path: Path) -> None:
    model, out = asking.Model(tmp_path / "base"), tmp_path / "questions.jsonl"
    # As a process leaves it that is stopped: one answer whole, one begun.
    out.with_suffix(".part").write_text('{"id": 1, "answer": "wagtail blood", "ms": 9}\n{"id": 2')
    chats = {number: asker.chat(TOLD, PASSAGE) for number in (1, 2)}

    said = asking.ask_until(
        time.monotonic() - 1,
        model,
        chats,
        out=out,
        device="cpu",
        check=lambda: None,
        max_tokens=asker.MAX_TOKENS,
    )
    assert {number: one.answer for number, one in said.items()} == {1: "wagtail blood"}
