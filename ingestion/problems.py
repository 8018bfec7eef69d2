"""What a check of integrity finds: a disagreement between rows and files, and its repair if known.

Each package looks at the data that it owns; the portal joins their checks.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

Repair = Callable[[], bool]
"""Mends what it can and says whether that worked. May be called again; asks anew what is true."""

GRACE = timedelta(hours=1)
"""What is younger is being made: a file is there before its row."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`what` names rows by their primary keys and files by their hashes, never by a title or a
    path of a document, since admins read it whatever they may read.

    Problems with the very same `repair` are mended by calling it once. None: the truth is not
    known, so a person has to decide.
    """

    kind: str
    what: str
    repair: Repair | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """`things` counts what is looked at; `problems` looks at it, and changes nothing."""

    things: Callable[[], int]
    problems: Callable[[], Iterator[Problem]]


def is_left(path: Path) -> bool:
    """Whether nobody can be making this file or folder any more; False when it is gone."""
    try:
        return path.stat().st_mtime < time.time() - GRACE.total_seconds()
    except FileNotFoundError:
        return False
