"""Two verbs at once: the one as far as it gets before any statement of the other."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from tests.waiting import LONGEST, until

Verb = Callable[[], object]
HELD_UP = """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def is_held_up() -> bool:
    """Whether one waits for another; on SQLite whoever comes second does, and nothing tells."""
    if connection.vendor == "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute(HELD_UP)
        return cursor.fetchone() is not None


def interleave(first: Verb, second: Verb, place: int) -> bool:
    """Has `second` get as far as it can before `first` makes its statement number `place`; False
    when `first` is done before it."""
    is_there, may_go_on = threading.Event(), threading.Event()
    statements = itertools.count()

    def pause(execute: Callable[..., Any], *asked: Any) -> Any:
        if next(statements) == place:
            is_there.set()
            assert may_go_on.wait(LONGEST)
        return execute(*asked)

    def go_first() -> None:
        try:
            with connection.execute_wrapper(pause):
                first()
        finally:
            connection.close()
            is_there.set()

    def go_second() -> None:
        try:
            second()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(go_first)
        assert is_there.wait(LONGEST)
        other = pool.submit(go_second)
        until(lambda: other.done() or is_held_up())
        may_go_on.set()
        one.result()
        other.result()
    return next(statements) > place
