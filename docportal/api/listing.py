"""Lists, a page at a time: `after` is what the page before gave as `next`, empty at the end."""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

from django.db.models import Model, QuerySet
from ninja import Query, Schema

from docportal.views import paging
from ingestion.errors import UserError

M = TypeVar("M", bound=Model)
T = TypeVar("T")

After = Annotated[str, Query(description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=100)]
LIMIT = 50


class Listed(Schema, Generic[T]):
    items: list[T]
    next: str


def listed(
    rows: QuerySet[M],
    order: tuple[str, str],
    shown: Callable[[M], T],
    after: str,
    limit: int,
    among: QuerySet[M] | None = None,
) -> Listed[T]:
    """`order` and `among` as `paging.page` takes them. Raises `UserError` (`bad-cursor`): a program
    that goes on to the end would never come there."""
    page = paging.page(rows, order, after, limit, among)
    if page.is_anew:
        raise UserError("bad-cursor", "`after` names nothing of this list. Begin it without.")
    return Listed(items=[shown(row) for row in page.rows], next=page.following)
