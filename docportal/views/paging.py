"""Long lists, a page at a time, by where the last page ended: rows that come or go move nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    rows: Sequence[M]
    following: str
    """The cursor of the next page; empty on the last one."""
    is_anew: bool
    """Whether a cursor was given that names nothing, so that these are the first."""


def page(
    queryset: QuerySet[M],
    order: tuple[str, str],
    cursor: str,
    size: int,
    among: QuerySet[M] | None = None,
) -> Page[M]:
    """`size` rows after the row that `cursor` names (its primary key; anything else: the first).

    `order` is two fields, the second unique, each with `-` for descending. `among` has the rows
    that may be named: more than `queryset`, where a row leaves that while its reader goes on.
    """
    rows = queryset.order_by(*order)
    last = _row(queryset if among is None else among, order, cursor)
    if last is not None:
        rows = rows.filter(_after(order, last))
    found = list(rows[: size + 1])
    following = str(found[size - 1].pk) if len(found) > size else ""
    return Page(found[:size], following, is_anew=bool(cursor) and last is None)


def _row(queryset: QuerySet[M], order: tuple[str, str], cursor: str) -> tuple[Any, Any] | None:
    try:
        key = queryset.model._meta.pk.to_python(cursor) if cursor else None
    except ValidationError:
        return None
    names = [field.lstrip("-") for field in order]
    return queryset.filter(pk=key).values_list(*names).first() if key is not None else None


def _after(order: tuple[str, str], last: tuple[Any, Any]) -> Q:
    (first, first_value), (second, second_value) = zip(order, last, strict=True)
    return Q(**{_beyond(first): first_value}) | Q(
        **{first.lstrip("-"): first_value, _beyond(second): second_value}
    )


def _beyond(field: str) -> str:
    return f"{field[1:]}__lt" if field.startswith("-") else f"{field}__gt"
