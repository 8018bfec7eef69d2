"""What a model is taught and asked, as JSON lines: the form that all trainers share. Pure."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Form = Literal["closed", "context", "refusal", "replay"]
Kind = Literal["recall", "refusal"]


@dataclass(frozen=True, slots=True)
class Row:
    """One example: a prompt as chat messages, and the whole answer.

    Rows of one `group` share the beginning of their prompts, which is then read once for all.
    """

    messages: tuple[dict[str, str], ...]
    answer: str
    form: Form
    fact: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the frozen validation or test set. No answers: the right one is a refusal."""

    id: int
    question: str
    answers: tuple[str, ...]
    kind: Kind
    domain: str = ""
    document: int | None = None
    fact: str = ""
    passage: str = ""  # content hash of the passage behind it
    messages: tuple[dict[str, str], ...] = ()
    """The prompt; none: that of a tuned model."""


def write_lines(path: Path, items: Iterable[Row] | Iterable[Question]) -> int:
    """Write one JSON object a line; returns how many."""
    count = 0
    with path.open("w") as file:
        for item in items:
            file.write(json.dumps(asdict(item), ensure_ascii=False) + "\n")
            count += 1
    return count


def read_rows(path: Path) -> Iterator[Row]:
    for values in _objects(path):
        yield Row(**{**values, "messages": tuple(values["messages"])})


def read_questions(path: Path) -> Iterator[Question]:
    for values in _objects(path):
        several = {name: tuple(values.get(name, ())) for name in ("answers", "messages")}
        yield Question(**{**values, **several})


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as lines:
        for line in lines:
            yield json.loads(line)
