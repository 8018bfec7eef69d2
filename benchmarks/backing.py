"""The backing services of production, for one benchmark alone: a new database, and an empty one of
Redis. Both are gone afterwards. A benchmark that finds none of them says so and goes on."""

import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from redis import Redis
from redis.exceptions import ConnectionError as RedisUnavailable

ANSWER_SECONDS = 3
# What the settings read; empty is the embedded default.
EMBEDDED = {"DATABASE_URL": "", "CELERY_BROKER_URL": ""}

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """Addresses: of a database in which another one may be created, and of one of Redis."""

    postgres: str
    redis: str

    def missing(self) -> str:
        """Why nothing can be measured on them; empty if it can."""
        try:
            psycopg.connect(self.postgres, connect_timeout=ANSWER_SECONDS).close()
        except psycopg.OperationalError as error:
            return f"PostgreSQL: {str(error).splitlines()[0]}"
        try:
            keys = self._broker().dbsize()
        except RedisUnavailable as error:
            return f"Redis: {error}"
        return f"Redis: {self.redis} is in use, name an empty one" if keys else ""

    @contextmanager
    def fresh(self) -> Iterator[dict[str, str]]:
        """The variables that have the product use them, while inside."""
        name = f"docportal_bench_{uuid.uuid4().hex[:8]}"
        self._execute("CREATE DATABASE {}", name)
        try:
            database = urlsplit(self.postgres)._replace(path=f"/{name}")
            yield {"DATABASE_URL": database.geturl(), "CELERY_BROKER_URL": self.redis}
        finally:
            self._broker().flushdb()
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def _execute(self, statement: str, name: str) -> None:
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))

    def _broker(self) -> Redis:
        return Redis.from_url(self.redis, socket_connect_timeout=ANSWER_SECONDS)


def apart(
    environment: dict[str, str], measure: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """What `measure` returns in a new process with these variables: Django is set up once in a
    process, on one database."""
    with ProcessPoolExecutor(
        1, get_context("spawn"), initializer=_use, initargs=(environment,)
    ) as pool:
        return pool.submit(measure, *args, **kwargs).result()


def _use(environment: dict[str, str]) -> None:
    os.environ.update(environment)
