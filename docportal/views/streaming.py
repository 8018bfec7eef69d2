"""Server-sent events."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from docportal.admission import RETRY_SECONDS, Overloaded, Stream, TooManyStreams, streams
from docportal.models import User
from ingestion.connections import release_connection

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15.0
HEARTBEAT = b": still here\n\n"

T = TypeVar("T")


def event(name: str, data: str) -> bytes:
    """One event; every line of `data` is a line of the event."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()


def event_stream(events: AsyncGenerator[bytes]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(
        with_heartbeat(events, HEARTBEAT_SECONDS), content_type="text/event-stream"
    )
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def stream_for(user: User, events: AsyncGenerator[bytes]) -> HttpResponseBase:
    """`events` for a page that is open; 429 when its person has too many of them. htmx then tries
    again, at first soon and later each minute, while the page goes on without."""
    try:
        return held_stream(user, events)
    except TooManyStreams as error:
        headers = {"Retry-After": str(RETRY_SECONDS)}
        text = "text/plain; charset=utf-8"
        return HttpResponse(str(error), status=429, content_type=text, headers=headers)


def held_stream(user: User, events: AsyncGenerator[bytes]) -> StreamingHttpResponse:
    """Raises `TooManyStreams`."""
    place = streams.take(user.pk, most=settings.STREAMS_A_PERSON)
    return event_stream(_held(user, place, events))


async def _held(user: User, place: Stream, events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(events):
            async for one in events:
                yield one
    finally:
        streams.give_back(user.pk, place)


async def told_when_broken(
    events: AsyncGenerator[bytes], tell: Callable[[Exception], Awaitable[bytes]]
) -> AsyncGenerator[bytes]:
    """`events`, and what `tell` makes of an error that ends them; it is logged, unless it is that
    there is no room.

    A stream that just ends reads as one that is whole, and a browser would ask again and again.
    """
    try:
        async with aclosing(events):
            async for one in events:
                yield one
    except Overloaded as error:
        yield await tell(error)
    except Exception as error:
        logger.exception("A stream broke, and its reader was told so.")
        yield await tell(error)


async def with_heartbeat(events: AsyncGenerator[bytes], seconds: float) -> AsyncGenerator[bytes]:
    """`events`, with a comment after each pause of `seconds`, so that no proxy hangs up.

    When the reader leaves, `events` is cancelled where it waits, and so is what it waits for.
    However it ends, no connection to the database stays with it: of a stream that raises Django
    does not say that its request is finished.
    """
    following: asyncio.Task[bytes] | None = None
    try:
        while True:
            following = following or asyncio.create_task(_next(events))
            done, _ = await asyncio.wait({following}, timeout=seconds)
            if not done:
                yield HEARTBEAT
                continue
            try:
                item = following.result()
            except StopAsyncIteration:
                return
            following = None
            yield item
    finally:
        if following is not None and not following.done():
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        await events.aclose()
        await sync_to_async(release_connection)()


async def _next(events: AsyncGenerator[bytes]) -> bytes:
    return await anext(events)
