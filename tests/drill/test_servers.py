"""PostgreSQL and Redis are cut off, hang, or are killed, while documents are on their way."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.drill.portal import Accepted, Portal
from tests.drill.servers import Server, Servers
from tests.drill.table import Breakage, Drill

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

Which = Callable[[Servers], Server]


def settle(portal: Portal, accepted: list[Accepted], breakage: Breakage) -> None:
    portal.recovers(accepted)
    breakage.recovered()
    breakage.lost += portal.lost(accepted)
    breakage.doubled += portal.doubled(accepted)


def test_redis_is_emptied(portal: Portal, servers: Servers, drill: Drill, nth: int) -> None:
    accepted = portal.upload()
    with drill("Redis flushed") as breakage:
        servers.flush()
        accepted += portal.upload()
        settle(portal, accepted, breakage)


def test_redis_is_killed(portal: Portal, servers: Servers, drill: Drill, nth: int) -> None:
    """Files are accepted while it is away."""
    accepted = portal.upload()
    with drill("Redis killed and started again") as breakage:
        servers.redis.end(signal.SIGKILL)
        accepted += portal.upload()
        servers.redis.start()
        settle(portal, accepted, breakage)


def test_redis_hangs(portal: Portal, servers: Servers, drill: Drill, nth: int) -> None:
    """Files are accepted while it does."""
    with drill("Redis paused") as breakage:
        servers.redis.pause()
        try:
            accepted = portal.upload()
        finally:
            servers.redis.resume()
        settle(portal, accepted, breakage)


def test_sessions_of_postgresql_end(
    portal: Portal, servers: Servers, drill: Drill, nth: int
) -> None:
    with drill("PostgreSQL ends every session, three times") as breakage:
        accepted = []
        for _ in range(3):
            accepted += portal.upload(1)
            servers.end_sessions()
        settle(portal, accepted, breakage)


def test_postgresql_is_killed(portal: Portal, servers: Servers, drill: Drill, nth: int) -> None:
    accepted = portal.upload()
    with drill("PostgreSQL stopped at once and started again") as breakage:
        # As by a crash: it recovers from its log.
        servers.postgres.end(signal.SIGQUIT)
        servers.postgres.start()
        accepted += portal.upload(1)
        settle(portal, accepted, breakage)


def test_postgresql_hangs(portal: Portal, servers: Servers, drill: Drill, nth: int) -> None:
    accepted = portal.upload()
    with drill("PostgreSQL paused for ten seconds") as breakage, ThreadPoolExecutor(1) as pool:
        servers.postgres.pause()
        late = pool.submit(portal.upload, 1)
        # It is paused for a time: nothing tells when that has been long enough.
        with pytest.raises(TimeoutError):
            late.result(10)
        servers.postgres.resume()
        accepted += late.result()
        settle(portal, accepted, breakage)
