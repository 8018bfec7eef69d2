"""What a training process tells while it works: lines of `events.jsonl`. Pure.

    {"event": "started", "steps", "rows", "dropped", "device"}        once for each start
    {"event": "step", "step", "steps", "seconds", "loss", "tokens_per_second", "seconds_left"}
    {"event": "validation", "step", "seconds", "exact_match", "hallucination", "answers": […]}
    {"event": "checkpoint", "step"}
    {"event": "ended", "step", "seconds", "best_step"}

`seconds` counts training only, over all starts of the run. The file is only appended to, one
`write` a line; a reader that meets half a last line waits for the rest of it.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

EVENTS, RESULT, FAILURE = "events.jsonl", "result.json", "failure.json"


class Events:
    """Appends to a run's `events.jsonl`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EVENTS

    def tell(self, event: str, **values: Any) -> None:
        line = json.dumps({"event": event, **values}, ensure_ascii=False)
        with self._path.open("a") as file:
            file.write(f"{line}\n")


def read_events(folder: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """The whole lines behind byte `offset`, and the offset behind them."""
    path = folder / EVENTS
    if not path.exists():
        return [], offset
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    return [*_events(whole.splitlines())], offset + len(whole)


def first_start(folder: Path) -> dict[str, Any]:
    """What the trainer told as it first started; nothing before that."""
    path = folder / EVENTS
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return next(_events([file.readline()]), {})


def _events(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Without a line that a full disk or a kill cut off and the next start wrote on."""
    for line in lines:
        with contextlib.suppress(ValueError):
            yield json.loads(line)
