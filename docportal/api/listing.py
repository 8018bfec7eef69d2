"""Lists, a page at a time: `after` is what the page before gave as `next`, empty at the end."""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

from django.db.models import Model, QuerySet
from ninja import Query, Schema

from docportal.views import paging

M = TypeVar("M", bound=Model)
T = TypeVar("T")

After = Annotated[str, Query(description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=100)]
LIMIT = 50


class Listed(Schema, Generic[T]):
    items: list[T]
    next: str


def listed(
    rows: QuerySet[M], order: tuple[str, str], shown: Callable[[M], T], after: str, limit: int
) -> Listed[T]:
    """`order` as `paging.page` takes it."""
    page = paging.page(rows, order, after, limit)
    return Listed(items=[shown(row) for row in page.rows], next=page.following)
