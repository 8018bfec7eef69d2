import asyncio
from collections.abc import AsyncGenerator

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connection

from docportal.models import User
from docportal.views.streaming import (
    HEARTBEAT,
    event,
    event_stream,
    told_when_broken,
    with_heartbeat,
)
from tests.docportal.streams import parts

MANY = 12


async def broken() -> AsyncGenerator[bytes]:
    yield event("exists", str(await User.objects.aexists()))
    raise OSError("The disk is gone.")


def test_event_carries_every_line() -> None:
    assert event("rows", "<tr>\n</tr>") == b"event: rows\ndata: <tr>\ndata: </tr>\n\n"


async def test_pause_is_filled_with_heartbeats() -> None:
    go_on = asyncio.Event()

    async def slow() -> AsyncGenerator[bytes]:
        yield b"first"
        await go_on.wait()
        yield b"second"

    stream = with_heartbeat(slow(), seconds=0.01)
    assert await anext(stream) == b"first"
    assert await anext(stream) == HEARTBEAT
    go_on.set()
    assert [item async for item in stream if item != HEARTBEAT] == [b"second"]


async def test_leaving_stops_what_is_waited_for() -> None:
    stopped = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            stopped.set()

    stream = with_heartbeat(endless(), seconds=0.01)
    assert await anext(stream) == b"first"
    assert await anext(stream) == HEARTBEAT
    await stream.aclose()
    assert stopped.is_set()


@pytest.mark.django_db(transaction=True)
async def test_streams_that_break_leave_no_connection_taken() -> None:
    """On PostgreSQL more break here than its pool has connections."""
    are_back = []
    for _ in range(MANY):
        async with ThreadSensitiveContext():
            told = parts(event_stream(broken()))
            assert await anext(told) == b"event: exists\ndata: False\n\n"
            with pytest.raises(OSError, match="The disk is gone"):
                await anext(told)
            are_back.append(await sync_to_async(lambda: connection.connection is None)())
    assert all(are_back)


@pytest.mark.django_db(transaction=True)
async def test_error_that_was_told_is_logged_and_ends_the_stream(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def tell(error: Exception) -> bytes:
        return event("failed", str(error))

    told = [part async for part in parts(event_stream(told_when_broken(broken(), tell)))]
    assert told == [event("exists", "False"), event("failed", "The disk is gone.")]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "The disk is gone." in caplog.text
