"""Files of questions: what is read, and what is said about a wrong one."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.errors import UserError
from training.benchmark.questions import MOST_PROBLEMS, Question, read_questions

LINE = {"id": 1, "query": "How often?", "answers": ["9"], "kind": "changed", "stale": "8"}


def read(*lines: object) -> list[Question]:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    return read_questions("\n".join(texts).encode(), longest=40)


def problem(*lines: object) -> str:
    with pytest.raises(UserError) as wrong:
        read(*lines)
    assert wrong.value.id == "bad-questions"
    return str(wrong.value)


def test_lines_become_questions_and_blank_ones_nothing() -> None:
    refused = {"id": "b", "query": " Who? ", "answers": []}
    assert read("\ufeff", LINE, "", refused, "") == [
        Question(0, "1", "How often?", ("9",), "changed", "8"),
        Question(1, "b", "Who?", (), "other", None),
    ]


def test_numbers_are_taken_as_their_digits() -> None:
    line = {"id": 1.5, "query": 404, "answers": [30, 0.5], "kind": 3, "stale": 60}
    assert read(line) == [Question(0, "1.5", "404", ("30", "0.5"), "3", "60")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{broken", "not JSON"),
        pytest.param("[" * 100_000, "not JSON", id="nested"),
        (["a"], "not an object"),
        (LINE | {"id": None}, '"id" holds something else than a text or a number'),
        (LINE | {"id": True}, '"id" holds something else'),
        (LINE | {"id": ""}, '"id" is empty'),
        (LINE | {"query": " "}, '"query" has no words'),
        (LINE | {"query": "why \ud83d?"}, '"query" holds half a character'),
        (LINE | {"query": "why " * 11}, "43 characters; 40 is the limit"),
        (LINE | {"answers": "9"}, '"answers" is not a list'),
        (LINE | {"answers": ["9", " "]}, '"answers" holds a text without words'),
        (LINE | {"answers": ["9", None]}, '"answers" holds something else'),
        (LINE | {"answers": ["9\0"]}, '"answers" holds half a character or a NUL'),
        (LINE | {"kind": ["3"]}, '"kind" holds something else'),
        (LINE | {"stale": float("nan")}, '"stale" holds something else'),
        (LINE | {"id": "0"}, '"id" 0 stands in line 1 already'),
    ],
)
def test_wrong_line_is_named_with_what_is_wrong(line: object, said: str) -> None:
    told = problem(LINE | {"id": 0}, "", line)
    assert told.startswith("line 3: ")
    assert said in told


def test_many_wrong_lines_are_named_up_to_a_number() -> None:
    told = problem(*["?"] * (MOST_PROBLEMS + 2)).splitlines()
    assert (len(told), told[-1]) == (MOST_PROBLEMS + 1, "and 2 more.")


def test_file_that_holds_no_question_or_no_text_is_said_to_be_so() -> None:
    assert "no question in it" in problem("", " ")
    with pytest.raises(UserError, match="line 2: not UTF-8"):
        read_questions(b"\n\xff\n", longest=40)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_said_to_be_wrong(content: bytes) -> None:
    with contextlib.suppress(UserError):
        assert read_questions(content, longest=40)
