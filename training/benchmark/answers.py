"""What systems said in a benchmark, kept in a file as it comes: one that was stopped goes on."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Answered:
    """What `system` said to a question, by its number, in a run from 1.

    `ms` is what an asker waits. Where a server did not tell the tokens, as of a stream that is
    broken off, they are estimated for the product's systems (`router.drafting.written`), and None
    for `untuned` and for a model that wrote nothing.
    """

    system: str
    run: int
    question: int
    text: str
    route: str
    verified: bool
    reason: str
    model: str
    ms: float
    prompt_tokens: int | None
    completion_tokens: int | None

    @property
    def tokens_told(self) -> bool:
        return self.prompt_tokens is not None and self.completion_tokens is not None


class AnswerLog:
    """A file of answers, one a line, after a line that says under what they were given.

    Answers that were given under anything else are dropped. Half a last line, left by a killed
    writer, is none.
    """

    def __init__(self, path: Path, setup: Mapping[str, Any]) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes() if path.exists() else b""
        first, *lines = data[: data.rfind(b"\n") + 1].splitlines(keepends=True) or [b""]
        heading = (json.dumps(setup) + "\n").encode()
        if first != heading:
            lines = []
        path.write_bytes(heading + b"".join(lines))
        self.answers = [Answered(**json.loads(line)) for line in lines]

    def add(self, answer: Answered) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(answer), ensure_ascii=False) + "\n")
        self.answers.append(answer)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)
