import asyncio
from collections.abc import AsyncGenerator

from docportal.views.streaming import HEARTBEAT, event, with_heartbeat


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
