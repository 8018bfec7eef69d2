"""How many questions are let in, and how many requests a minute one key may make."""

import asyncio
import uuid

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from docportal import admission
from docportal.admission import Admission, Overloaded, Rate, Streams, TooManyStreams
from docportal.models import User
from ingestion.connections import release_connection
from tests.waiting import until

WAITING = 12
TIMES = st.lists(st.floats(0, 300), max_size=200).map(sorted)


@given(TIMES, st.integers(1, 50))
def test_no_more_get_through_than_a_minute_allows(times: list[float], per_minute: int) -> None:
    rate = Rate()
    through = [now for now in times if not rate.wait("a", per_minute=per_minute, now=now)]
    # All of a minute at once, and in the minute after it as many again, evenly.
    for start in through:
        assert sum(start <= now < start + 60 for now in through) <= 2 * per_minute


@given(TIMES, st.integers(1, 50))
def test_who_waits_as_long_as_told_gets_through(times: list[float], per_minute: int) -> None:
    rate = Rate()
    for now in times:
        seconds = rate.wait("a", per_minute=per_minute, now=now)
        if seconds:
            assert seconds <= 60 / per_minute * 1.01
            assert not rate.wait("a", per_minute=per_minute, now=now + seconds)
            return


def test_whole_minute_may_come_at_once() -> None:
    rate = Rate()
    waits = [rate.wait("a", per_minute=7, now=100.0) for _ in range(8)]
    assert waits[:7] == [0] * 7
    assert waits[7] == pytest.approx(60 / 7)
    assert rate.wait("b", per_minute=7, now=100.0) == 0


def test_keys_that_are_quiet_are_forgotten() -> None:
    rate = Rate()
    for number in range(Rate.MOST_KEYS + 1):
        rate.wait(f"old {number}", per_minute=60, now=0.0)
    rate.wait("new", per_minute=60, now=1000.0)
    assert list(rate._until) == ["new"]


def test_place_that_is_kept_is_for_its_question_alone() -> None:
    answers, mine, another = Admission(at_once=1, waiting=0), uuid.uuid4(), uuid.uuid4()
    answers.keep_place(mine)
    for question in (another, None):
        with pytest.raises(Overloaded), answers.place(question):
            pass
    with answers.place(mine):
        assert not answers.has_room
    assert answers.has_room


def test_place_that_nobody_comes_for_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "KEPT_SECONDS", 0.0)
    answers = Admission(at_once=1, waiting=0)
    answers.keep_place(uuid.uuid4())
    with answers.place(uuid.uuid4()):
        assert not answers.has_room


@pytest.mark.django_db(transaction=True)
async def test_who_waits_for_a_turn_keeps_no_connection_from_others() -> None:
    """On PostgreSQL more wait here than its pool has, and a page must be answered all the same."""
    answers = Admission(at_once=1, waiting=WAITING)

    async def asked() -> bool:
        async with ThreadSensitiveContext():
            await User.objects.aexists()
            async with answers.admitted():
                return await sync_to_async(lambda: connection.connection is None)()

    async with answers.admitted():
        waiting = [asyncio.create_task(asked()) for _ in range(WAITING)]
        await asyncio.to_thread(until, lambda: not answers.has_room, within=60)
        async with ThreadSensitiveContext():
            assert not await User.objects.aexists()
            await sync_to_async(release_connection)()
    assert all(await asyncio.gather(*waiting))


def test_streams_are_counted_for_each_person_until_given_back_or_dropped() -> None:
    streams = Streams()
    first, second = streams.take(1, most=2), streams.take(1, most=2)
    with pytest.raises(TooManyStreams, match="2 pages open"):
        streams.take(1, most=2)
    other = streams.take(2, most=1)
    streams.give_back(1, first)
    streams.give_back(1, first)
    third = streams.take(1, most=2)
    with pytest.raises(TooManyStreams):
        streams.take(1, most=2)
    del second
    fourth = streams.take(1, most=2)
    assert len({first, third, fourth, other}) == 4


def test_no_limit_of_streams_is_none() -> None:
    streams = Streams()
    assert len({streams.take(1, most=0) for _ in range(100)}) == 100
