"""Waiting for what other processes do, where nothing tells."""

import os
import time
from collections.abc import Callable

# A machine that others keep busy may need more.
LONGEST = float(os.environ.get("TEST_PATIENCE", "180"))


def until(condition: Callable[[], object], *, within: float = LONGEST) -> None:
    """Look until it is so; fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"It was not so within {within:.0f} s."
        time.sleep(0.05)
