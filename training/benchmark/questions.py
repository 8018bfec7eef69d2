"""The questions of a benchmark: a file of JSON lines, read strictly. Pure.

A line is {"id", "query", "answers", "kind", "stale"}. Any of `answers` is right; with none the
right answer is a refusal. `kind` is free text. `stale` is the superseded value; null or left out:
there is none. A number is taken as its digits.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ingestion.errors import UserError
from router.text import storable, text_or_digits

NO_KIND = "other"
MOST_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class Question:
    """`number` is its place in the file, from 0, without blank lines."""

    number: int
    id: str
    query: str
    answers: tuple[str, ...]
    kind: str = NO_KIND
    stale: str | None = None


class _Wrong(ValueError):
    """What is wrong with a line."""


def read_questions(content: bytes, *, longest: int) -> list[Question]:
    """The questions of a file, each of at most `longest` characters.

    Raises `UserError` (`bad-questions`) that names the first wrong lines, each with what is wrong.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _bad([f"line {line}: not UTF-8. Save the file as UTF-8."]) from error
    questions: list[Question] = []
    problems: list[str] = []
    places: dict[str, int] = {}
    for line, raw in _lines(text):
        try:
            question = _question(raw, len(questions), longest, places)
        except _Wrong as wrong:
            problems.append(f"line {line}: {wrong}.")
        else:
            places[question.id] = line
            questions.append(question)
    if problems:
        raise _bad(problems)
    if not questions:
        raise _bad(['no question in it. Write one {"id", "query", "answers", "kind"} a line.'])
    return questions


def _lines(text: str) -> Iterator[tuple[int, str]]:
    lines = enumerate(text.split("\n"), start=1)
    return ((number, line) for number, line in lines if line.strip())


def _question(raw: str, number: int, longest: int, places: Mapping[str, int]) -> Question:
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _Wrong(f"not JSON: {error}") from error
    if not isinstance(given, dict):
        raise _Wrong('not an object. Write {"id", "query", "answers", "kind", "stale"}')
    return Question(
        number=number,
        id=_id(given, places),
        query=_query(given, longest),
        answers=_answers(given),
        kind=_optional_text(given, "kind") or NO_KIND,
        stale=_optional_text(given, "stale"),
    )


def _id(given: dict[str, Any], places: Mapping[str, int]) -> str:
    """`places` are the lines of the ids before it."""
    named = _text(given.get("id"), "id")
    if not named.strip():
        raise _Wrong('"id" is empty')
    if named in places:
        raise _Wrong(f'"id" {named} stands in line {places[named]} already')
    return named


def _query(given: dict[str, Any], longest: int) -> str:
    query = _text(given.get("query"), "query").strip()
    if not query:
        raise _Wrong('"query" has no words in it')
    if len(query) > longest:
        raise _Wrong(f'"query" has {len(query):,} characters; {longest:,} is the limit')
    return query


def _answers(given: dict[str, Any]) -> tuple[str, ...]:
    answers = given.get("answers")
    if not isinstance(answers, list):
        raise _Wrong('"answers" is not a list; an empty one asks for a refusal')
    texts = tuple(_text(answer, "answers") for answer in answers)
    if not all(text.strip() for text in texts):
        raise _Wrong('"answers" holds a text without words in it')
    return texts


def _optional_text(given: dict[str, Any], name: str) -> str | None:
    value = given.get(name)
    return None if value is None else _text(value, name).strip() or None


def _text(value: object, name: str) -> str:
    text = text_or_digits(value)
    if text is None:
        raise _Wrong(f'"{name}" holds something else than a text or a number')
    if text != storable(text):
        raise _Wrong(f'"{name}" holds half a character or a NUL, which cannot be kept')
    return text


def _bad(problems: list[str]) -> UserError:
    more = len(problems) - MOST_PROBLEMS
    told = [*problems[:MOST_PROBLEMS], *([f"and {more} more."] if more > 0 else [])]
    return UserError("bad-questions", "\n".join(told))
