"""Queries of rows by keys whose SQL is made once.

Django makes it anew each time. Of nested subqueries that takes ten times as long as the database
takes to answer, on a page that everybody opens.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.db.models import QuerySet

# Keys are positive, and of the other parameters none is a number so low.
_MARK = -1_000_000_000

Made = tuple[str, tuple[Any, ...]]


class Prepared:
    """`make` builds the query out of keys; whatever else it depends on must never change."""

    def __init__(self, make: Callable[[Sequence[int]], QuerySet[Any, Any]]) -> None:
        self._make = make
        self._made: dict[tuple[str, int], Made] = {}

    def rows(self, keys: Sequence[int]) -> list[tuple[Any, ...]]:
        """What the database gives for these keys, unconverted: for numbers and texts."""
        if not keys:
            return []
        # The last key stands for those that are missing, so that there are few lengths.
        length = 1 << (len(keys) - 1).bit_length()
        padded = [*keys, *[keys[-1]] * (length - len(keys))]
        sql, parameters = self._of(length)
        values = [padded[_MARK - one] if _is_mark(one) else one for one in parameters]
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def _of(self, length: int) -> Made:
        known = connection.vendor, length
        if known not in self._made:
            marks = [_MARK - place for place in range(length)]
            sql, parameters = self._make(marks).query.sql_with_params()
            self._made[known] = sql, tuple(parameters)
        return self._made[known]


def _is_mark(parameter: object) -> bool:
    return isinstance(parameter, int) and parameter <= _MARK
