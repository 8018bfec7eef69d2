"""The model that writes questions: what it is shown, and which of its questions are asked.

A rule finds no words for most of what sentences say; a small model that learned from people's
questions does (`training.reader.questioning`). It is shown one line with one value and asked for
questions: what answers them is known beforehand and stands in the document.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from ingestion.errors import UserError
from router.precedents.frames import name_key, names_of
from router.prompts import Passage, asker_messages
from router.text import fold
from training.asking import Model
from training.synthesis.mining import tells
from training.synthesis.subjects import Subject
from training.synthesis.unasked import Told

# The adapter, and the folder of MODELS_DIR that it belongs to.
BASE = "smollm2-135m-instruct"
ADAPTER = Path(__file__).parents[1] / "reader" / "asker"
QUESTIONS = 5
MAX_TOKENS = 110
SHORTEST, LONGEST = 10, 160
MAX_ANSWER = 80

_CHOICE = ("yes", "no", "on", "off", "true", "false", "enabled", "disabled")


def model() -> Model:
    """Raises `UserError` (`no-asker`) where its base is not at hand."""
    base = Path(settings.MODELS_DIR) / BASE
    if not base.is_dir():
        raise UserError(
            "no-asker",
            f"There is no model {base}, which is to write questions. Make it with "
            "`manage.py convert_models`, or set WRITES_QUESTIONS=false.",
        )
    return Model(base, ADAPTER)


def may_be_asked(answer: str) -> bool:
    """Whether a question can ask for it: it is short, and nothing that a setting is either."""
    return len(answer) <= MAX_ANSWER and answer.lower() not in _CHOICE


def chat(told: Told, passage: Passage) -> list[dict[str, str]]:
    """What the model is shown of a line of this passage."""
    return asker_messages(f"{passage.source}: {told.line}", told.answer, QUESTIONS)


def questions_in(written: str, told: Told, passage: Passage, subject: Subject) -> list[str]:
    """The questions among what it wrote that do not tell their answer and name nothing that the
    line and what stands above it do not.

    One that does not say what it is about has the subject in front.
    """
    questions = dict.fromkeys(_questions(written, told, passage))
    return list(dict.fromkeys(_about(subject, question) for question in questions))


def _questions(written: str, told: Told, passage: Passage) -> Iterator[str]:
    shown = name_key(f"{passage.source} {told.line}")
    for line in written.split("\n"):
        question = " ".join(line.split())
        is_sound = all(name in shown for name in names_of(question))
        if SHORTEST <= len(question) <= LONGEST and is_sound and not tells(question, told.answer):
            yield question


def _about(subject: Subject, question: str) -> str:
    if not subject.is_thing or _names(question, subject.bare):
        return question
    return f"{subject.bare}: {question}"


def _names(question: str, name: str) -> bool:
    """Whether a question has a word of the name, as people shorten it."""
    words = re.findall(r"\w{3,}", fold(name).text) or [fold(name).text]
    return any(word in fold(question).text for word in words)
