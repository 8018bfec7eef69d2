"""Asking a model many questions in a child process; answers that are on disk are not asked again.

A file of answers holds {"id", "answer", "ms"} lines, one for each question, in any order.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training import process
from training.process import Check

MODULE = "training.trainers.answering"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, and how long it took in ms: alone what an asker waits, else a batch's share."""

    answer: str
    ms: float


@dataclass(frozen=True, slots=True)
class Model:
    """A folder of a whole model, and one of an adapter for it, if any."""

    base: Path
    adapter: Path | None = None


def ask(
    model: Model,
    questions: Mapping[int, Sequence[Mapping[str, str]]],
    *,
    out: Path,
    device: str,
    check: Check,
    max_tokens: int,
    alone: int = 0,
) -> dict[int, Said]:
    """What `model` says to each chat of `questions`, by its number; kept in `out`.

    The first `alone` questions are answered one by one. Raises as `process.run_module`; what was
    answered until then is kept.
    """
    part = out.with_suffix(".part")
    keep(out, read(part))
    known = read(out)
    left = [number for number in questions if number not in known]
    if left:
        first = set(list(questions)[:alone])
        _run(
            model,
            {number: questions[number] for number in left},
            part,
            device,
            check,
            alone=sum(number in first for number in left),
            max_tokens=max_tokens,
        )
        keep(out, read(part))
        part.unlink()
        known = read(out)
    return {number: known[number] for number in questions}


def _run(
    model: Model,
    questions: Mapping[int, Sequence[Mapping[str, str]]],
    out: Path,
    device: str,
    check: Check,
    **limits: int,
) -> None:
    asked, job = out.with_suffix(".questions"), out.with_suffix(".job")
    lines = [{"id": number, "messages": list(chat)} for number, chat in questions.items()]
    asked.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    told: dict[str, Any] = {
        "base": str(model.base),
        "adapter": str(model.adapter or ""),
        "questions": str(asked),
        "out": str(out),
        **limits,
    }
    job.write_text(json.dumps(told))
    process.run_module(MODULE, str(job), folder=out.parent, check=check, device=device)


def read(path: Path) -> dict[int, Said]:
    """The answers of a file; half a last line, left by a killed writer, is none."""
    if not path.exists():
        return {}
    data = path.read_bytes()
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    answers = [json.loads(line) for line in lines]
    return {answer["id"]: Said(answer["answer"], answer["ms"]) for answer in answers}


def keep(path: Path, answers: Mapping[int, Said]) -> None:
    """Add answers to a file, behind its last whole line."""
    if not answers:
        return
    lines = [{"id": number, **asdict(said)} for number, said in answers.items()]
    added = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    data = path.read_bytes() if path.exists() else b""
    new = path.with_suffix(".new")
    new.write_bytes(data[: data.rfind(b"\n") + 1] + added.encode())
    new.replace(path)
