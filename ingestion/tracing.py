"""What is done, told as spans of OpenTelemetry. Unless the settings name a collector nothing is
told, and nothing of the library is imported.

A span holds ids, counts, times, routes and names of models; never a word of a question, an answer
or a document, nor who asked: a collector has other readers than the documents.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from django.conf import settings

T = TypeVar("T")
Attribute = bool | int | float | str

asked_by: ContextVar[str] = ContextVar("asked_by", default="")
"""In a worker: the `traceparent` of what asked for the job."""


def is_on() -> bool:
    return bool(settings.OTEL_EXPORTER_OTLP_ENDPOINT)


@contextmanager
def span(name: str, **attributes: Attribute) -> Iterator[None]:
    """Tell the block, or the function that this decorates, as a part of the span that it is in.

    Not around a `yield` of an asynchronous generator: see `steps`.
    """
    if not is_on():
        yield
        return
    from ingestion.spans import Span

    with Span(name, attributes) as begun, begun.current():
        yield


def steps(name: str, work: AsyncGenerator[T], **attributes: Attribute) -> AsyncGenerator[T]:
    """The items of `work`, and all that it does for them told as one span.

    The span is the current one while `work` works, in whichever task it is asked for an item, and
    not while its reader has the item.
    """
    if not is_on():
        return work
    from ingestion.spans import Span, stepwise

    return stepwise(lambda: Span(name, attributes), work)


def note(**attributes: Attribute) -> None:
    """Add to the current span."""
    if is_on():
        from ingestion import spans

        spans.note(attributes)


def traceparent() -> str:
    """The current span as W3C's header names it; in a worker without one, what asked for the job;
    empty if there is neither."""
    if not is_on():
        return ""
    from ingestion import spans

    return spans.traceparent() or asked_by.get()


def headers() -> dict[str, str]:
    """For a call to another server, so that its spans become part of the current one."""
    parent = traceparent()
    return {"traceparent": parent} if parent else {}


def trace_id() -> str:
    """Of what `traceparent` names, 32 hexadecimal digits."""
    return traceparent()[3:35]
