"""The file that keeps the answers of a benchmark while it goes on."""

from pathlib import Path

import pytest

from tests.training.benchmark.answers import said
from training.benchmark.answers import AnswerLog

SETUP = {"questions_sha256": "a", "revision": 3}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "folder" / "answers.jsonl"
    log = AnswerLog(file, SETUP)
    for number in range(3):
        log.add(said(number, "9 ﬂögel\u2028"))
    return file


def test_answers_are_there_again_without_the_half_of_one(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])
    log = AnswerLog(file, SETUP)
    assert log.answers == [said(number, "9 ﬂögel\u2028") for number in (0, 1)]
    log.add(said(2, "after it"))
    assert AnswerLog(file, SETUP).answers[2:] == [said(2, "after it")]


def test_answers_given_under_anything_else_are_dropped(file: Path) -> None:
    assert AnswerLog(file, SETUP | {"revision": 4}).answers == []
    assert AnswerLog(file, SETUP).answers == []
