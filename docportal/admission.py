"""How much this web process takes on: questions at once and in the queue, requests of a program,
streams of a person.

A model server takes its time for each answer. Beyond what it can do in reasonable time a question
is sent away at once, which costs nothing, so that those that were let in are not slowed down. And
no program that runs wild keeps the process from others.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakSet

from asgiref.sync import sync_to_async
from django.conf import settings

from ingestion.connections import release_connection

RETRY_SECONDS = 5
# From the reply to a question until its answer is fetched. Where another process is asked for it,
# the place here stays unused for as long.
KEPT_SECONDS = 2.0
BUSY = "Too many questions are being answered just now. Ask again in a few seconds."


class Overloaded(Exception):
    """As many questions wait as may."""


class TooManyStreams(Exception):
    """One person has as many streams open as one may."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"You have {most} pages open that are kept up to date, as many as may be at a time. "
            "Close some of them, then try again."
        )


@dataclass(slots=True)
class _Early:
    """A place that a request has before its question was read; `used`: it is the question's."""

    used: bool = False


_early: ContextVar[_Early | None] = ContextVar("early", default=None)


class Admission:
    def __init__(self, at_once: int, waiting: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._inside = 0
        self._kept: dict[UUID, float] = {}

    @property
    def has_room(self) -> bool:
        now = time.monotonic()
        self._kept = {question: until for question, until in self._kept.items() if until > now}
        return self._inside + len(self._kept) < self._most

    @contextmanager
    def taken_early(self) -> Iterator[None]:
        """A place for the question of this request, held while inside until `place` takes it over.
        Raises `Overloaded` at once when there is none."""
        if not self.has_room:
            raise Overloaded
        early = _Early()
        before = _early.set(early)
        self._inside += 1
        try:
            yield
        finally:
            _early.reset(before)
            if not early.used:
                self._inside -= 1

    @contextmanager
    def place(self, question: UUID | None = None) -> Iterator[None]:
        """Held while inside: the one that was kept for `question` or taken early, or else any.
        Raises `Overloaded` at once when there is none."""
        early = _early.get()
        if question in self._kept:
            del self._kept[question]
            self._inside += 1
        elif early is not None and not early.used:
            early.used = True
        elif self.has_room:
            self._inside += 1
        else:
            raise Overloaded
        try:
            yield
        finally:
            self._inside -= 1

    def keep_place(self, question: UUID) -> None:
        """That one which was just given up: whoever was let in is not turned away later."""
        self._kept[question] = time.monotonic() + KEPT_SECONDS

    @asynccontextmanager
    async def admitted(self, question: UUID | None = None) -> AsyncGenerator[None]:
        """Entered when it is one's turn. Raises `Overloaded` as `place`."""
        with self.place(question):
            if self._turns.locked():
                # Those who wait would hold the whole pool, and whoever is answered needs one.
                await sync_to_async(release_connection)()
            async with self._turns:
                yield


answers = Admission(settings.ANSWERS_AT_ONCE, settings.ANSWERS_WAITING)


class Rate:
    """How many requests a minute each of many may make, by their keys; all at once or spread.

    The generic cell rate algorithm (ITU-T I.371): of each key only the time is kept until which
    its requests last, if they are spread evenly.
    """

    MOST_KEYS = 10_000

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, key: str, *, per_minute: int, now: float | None = None) -> float:
        """0: one more is admitted; else the seconds until one would be. `now` is a time of the
        monotonic clock."""
        now = time.monotonic() if now is None else now
        each = 60 / per_minute
        with self._lock:
            if len(self._until) > self.MOST_KEYS:
                self._until = {one: until for one, until in self._until.items() if until > now}
            until = max(self._until.get(key, now), now)
            # A little more than the exact minute: sums of fractions are not exact.
            if until + each - now > 60 + each / 1000:
                return until + each - now - 60
            self._until[key] = until + each
        return 0.0


requests = Rate()


class Stream:
    """A place for one stream of a person, held until it is given back or nobody refers to it."""


class Streams:
    """How many streams each person has open, by their keys.

    A response may be dropped before any of it is read, and then nothing of it runs any more: so
    what counts is that its place is still there.
    """

    def __init__(self) -> None:
        self._open: dict[int, WeakSet[Stream]] = {}

    def take(self, person: int, *, most: int) -> Stream:
        """Raises `TooManyStreams`; 0: as many as come."""
        held = self._open.setdefault(person, WeakSet())
        if 0 < most <= len(held):
            raise TooManyStreams(most)
        stream = Stream()
        held.add(stream)
        return stream

    def give_back(self, person: int, stream: Stream) -> None:
        self._open[person].discard(stream)


streams = Streams()
