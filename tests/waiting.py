"""Waiting for what other processes do, where nothing tells."""

import time
from collections.abc import Callable

LONGEST = 180.0


def until(condition: Callable[[], object], *, within: float = LONGEST) -> None:
    """Look until it is so; fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"It was not so within {within:.0f} s."
        time.sleep(0.05)
