"""PostgreSQL and Redis are cut off, hang, or are killed, while documents are on their way."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.drill.portal import Portal
from tests.drill.servers import Server, Servers
from tests.drill.table import Drill

pytestmark = pytest.mark.timeout(1800)

Which = Callable[[Servers], Server]


def test_redis_is_emptied(victim: Portal, servers: Servers, drill: Drill, nth: int) -> None:
    accepted = victim.upload()
    with drill("Redis flushed") as breakage:
        servers.flush()
        accepted += victim.upload()
        victim.settles(accepted, breakage)


def test_redis_is_killed(victim: Portal, servers: Servers, drill: Drill, nth: int) -> None:
    """Files are accepted while it is away."""
    accepted = victim.upload()
    with drill("Redis killed and started again") as breakage:
        servers.redis.end(signal.SIGKILL)
        accepted += victim.upload()
        servers.redis.start()
        victim.settles(accepted, breakage)


def test_redis_hangs(victim: Portal, servers: Servers, drill: Drill, nth: int) -> None:
    """Files are accepted while it does."""
    with drill("Redis paused") as breakage:
        servers.redis.pause()
        try:
            accepted = victim.upload()
        finally:
            servers.redis.resume()
        victim.settles(accepted, breakage)


def test_sessions_of_postgresql_end(
    victim: Portal, servers: Servers, drill: Drill, nth: int
) -> None:
    with drill("PostgreSQL ends every session, three times") as breakage:
        accepted = []
        for _ in range(3):
            accepted += victim.upload(1)
            servers.end_sessions()
        victim.settles(accepted, breakage)


def test_postgresql_is_killed(victim: Portal, servers: Servers, drill: Drill, nth: int) -> None:
    accepted = victim.upload()
    with drill("PostgreSQL stopped at once and started again") as breakage:
        # As by a crash: it recovers from its log.
        servers.postgres.end(signal.SIGQUIT)
        servers.postgres.start()
        accepted += victim.upload(1)
        victim.settles(accepted, breakage)


def test_postgresql_hangs(victim: Portal, servers: Servers, drill: Drill, nth: int) -> None:
    accepted = victim.upload()
    with drill("PostgreSQL paused for ten seconds") as breakage, ThreadPoolExecutor(1) as pool:
        servers.postgres.pause()
        late = pool.submit(victim.upload, 1)
        # It is paused for a time: nothing tells when that has been long enough.
        with pytest.raises(TimeoutError):
            late.result(10)
        servers.postgres.resume()
        accepted += late.result()
        victim.settles(accepted, breakage)
