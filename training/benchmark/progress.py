"""How far a benchmark is, by the file in which it keeps its answers until it ends."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

# An answer takes seconds.
QUIET_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A benchmark that has so many `of` its answers; the file was last written `at`."""

    answered: int
    of: int
    at: datetime

    @property
    def is_quiet(self) -> bool:
        """So long without an answer that it was probably stopped."""
        return datetime.now(UTC) - self.at > QUIET_AFTER


def answers_file() -> Path:
    return Path(settings.RUN_DIR) / "benchmark" / "answers.jsonl"


def under_way() -> UnderWay | None:
    """This machine's benchmark that has begun and not ended. Another process may be writing it."""
    path = answers_file()
    try:
        data, changed = path.read_bytes(), path.stat().st_mtime
    except FileNotFoundError:
        return None
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    if not lines:
        return None
    setup = json.loads(lines[0])
    of = setup["questions"] * len(setup["systems"]) * setup["runs"]
    return UnderWay(len(lines) - 1, of, datetime.fromtimestamp(changed, UTC))
