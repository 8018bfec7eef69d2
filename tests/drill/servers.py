"""A PostgreSQL and a Redis of one's own, so that they can be killed; nothing is asked of others."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import redis

from tests.ports import free_ports
from tests.waiting import until

PROGRAMS = ("initdb", "postgres", "redis-server")
LOOPBACK = "127.0.0.1"


def missing_programs() -> list[str]:
    return [name for name in PROGRAMS if shutil.which(name) is None]


@dataclass(slots=True)
class Server:
    """A program that runs in a folder of its own, as `user` if one is named."""

    command: list[str]
    folder: Path
    port: int
    user: str | None = None
    process: psutil.Popen | None = None

    def start(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = psutil.Popen(
                self.command, cwd=self.folder, stdout=log, stderr=log, user=self.user
            )
        until(self.accepts)

    def accepts(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection((LOOPBACK, self.port), timeout=1).close()
            return True
        return False

    def end(self, number: int) -> None:
        """By a signal; at once, with all its processes."""
        assert self.process is not None
        family = self._family()
        self.process.send_signal(number)
        self.process.wait(30)
        psutil.wait_procs(family, timeout=30)

    def pause(self) -> None:
        for one in self._family():
            one.suspend()

    def resume(self) -> None:
        for one in self._family():
            one.resume()

    def _family(self) -> list[psutil.Process]:
        assert self.process is not None
        return [*self.process.children(recursive=True), psutil.Process(self.process.pid)]


@dataclass(frozen=True, slots=True)
class Servers:
    postgres: Server
    redis: Server

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": f"postgres://postgres@{LOOPBACK}:{self.postgres.port}/postgres",
            "CELERY_BROKER_URL": f"redis://{LOOPBACK}:{self.redis.port}/0",
        }

    def end_sessions(self) -> None:
        """Every session but this one is cut off, as by an administrator."""
        url = self.environment["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def flush(self) -> None:
        redis.Redis(port=self.redis.port).flushall()


@contextmanager
def own_servers() -> Iterator[Servers]:
    """PostgreSQL does not run as root; then its folder and processes are those of `postgres`."""
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="docportal-drill-") as place:
        root = Path(place)
        root.chmod(0o755)
        for name in ("postgres", "redis"):
            (root / name).mkdir()
        if user:
            shutil.chown(root / "postgres", user)
        data = root / "postgres" / "data"
        subprocess.run(
            ["initdb", "-D", data, "-U", "postgres", "--auth", "trust", "--encoding", "UTF8"],
            cwd=root / "postgres",
            user=user,
            check=True,
            capture_output=True,
        )
        ports = free_ports("5432", "6379")
        options = ["-p", str(ports["5432"]), "-k", str(root / "postgres"), "-h", LOOPBACK]
        postgres = Server(
            ["postgres", "-D", str(data), *options], root / "postgres", ports["5432"], user
        )
        broker = Server(
            [
                *("redis-server", "--port", str(ports["6379"]), "--bind", LOOPBACK),
                # As in compose.yaml: what it holds is gone with it.
                *("--save", "", "--appendonly", "no"),
            ],
            root / "redis",
            ports["6379"],
        )
        # Redis ends by no SIGQUIT where that is ignored, as in what a shell runs in the background.
        running = ((postgres, signal.SIGQUIT), (broker, signal.SIGKILL))
        try:
            for one, _ending in running:
                one.start()
            yield Servers(postgres, broker)
        finally:
            for one, ending in running:
                if one.process is not None and one.process.is_running():
                    one.resume()
                    one.end(ending)
