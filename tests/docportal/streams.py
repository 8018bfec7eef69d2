"""Reading a response that comes bit by bit."""

from collections.abc import AsyncIterator

from django.http import StreamingHttpResponse


async def parts(response: object) -> AsyncIterator[bytes]:
    assert isinstance(response, StreamingHttpResponse)
    async for part in response:
        yield part
