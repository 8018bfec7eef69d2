"""How many questions this web process answers at once, and how many may wait for their turn.

A model server takes its time for each answer. Beyond what it can do in reasonable time a question
is sent away at once, which costs nothing, so that those that were let in are not slowed down.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from django.conf import settings

RETRY_SECONDS = 5


class Overloaded(Exception):
    """As many questions wait as may."""


class Admission:
    def __init__(self, at_once: int, waiting: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._inside = 0

    @property
    def has_room(self) -> bool:
        return self._inside < self._most

    @asynccontextmanager
    async def admitted(self) -> AsyncGenerator[None]:
        """Entered when it is one's turn. Raises `Overloaded` at once when too many wait."""
        if not self.has_room:
            raise Overloaded
        self._inside += 1
        try:
            async with self._turns:
                yield
        finally:
            self._inside -= 1


answers = Admission(settings.ANSWERS_AT_ONCE, settings.ANSWERS_WAITING)
