"""The tuned models of the embedded default: one server for each version that should be loaded.

A chat server holds one model, so the version that serves and the one before it each have a
process. What should be loaded stands in the database; whoever promotes tells nobody.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from router import incidents, serving, tuned
from router.models import Incident
from router.processes import LOOPBACK, Server, ServerFailed, Starting, spawn_tuned
from router.restarts import LASTING_SECONDS, pause_after

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
# In RUN_DIR, written anew with each look: how old it is tells whether somebody looks.
SIGN = "tuned.alive"
_HEALTH_EVERY_LOOKS = 10
_HEALTH_SECONDS = 2.0


def keep_tuned_servers(logs: Path, *, host: str, until: threading.Event) -> None:
    """Keep the servers in line with the database until `until` is set; then end them all."""
    servers = TunedServers(logs, grace=settings.LLM_TIMEOUT, host=host)
    sign = Path(settings.RUN_DIR) / SIGN
    sign.parent.mkdir(parents=True, exist_ok=True)
    wanted: Collection[str] = ()
    try:
        while not until.is_set():
            wanted = _wanted(otherwise=wanted)
            servers.look(wanted)
            # On a full disk they answer, though nothing tells that somebody looks.
            with contextlib.suppress(OSError):
                sign.touch()
            until.wait(LOOK_SECONDS)
    finally:
        servers.stop()


def _wanted(*, otherwise: Collection[str]) -> Collection[str]:
    """What should be loaded; as before while the database does not answer."""
    try:
        return tuned.versions_to_load()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("The database does not answer: %s", error)
        return otherwise
    finally:
        connection.close()


@dataclass(slots=True)
class _Version:
    """One version: not running until `due`, or coming up, or up since `since`."""

    name: str
    due: float
    failures: int = 0
    starting: Starting | None = None
    ready: Future[Server] | None = None
    server: Server | None = None
    since: float = 0.0
    unwanted_since: float | None = None

    def stop(self) -> None:
        running = self.server or self.starting
        if running is not None:
            running.stop()


class TunedServers:
    """Servers of this process, brought in line by `look`, which never waits for one of them.

    A version that is no longer wanted gets no new questions, and has `grace` seconds to end the
    answers under way. All calls come from one thread, with which the children end.
    """

    def __init__(self, logs: Path, *, grace: float, host: str = LOOPBACK) -> None:
        self._logs = logs
        self._grace = grace
        self._host = host
        self._versions: dict[str, _Version] = {}
        self._waiting = ThreadPoolExecutor(thread_name_prefix="tuned-server")
        self._looks = 0
        for name in serving.announced_versions():
            # Of an earlier process, which was killed together with its servers.
            serving.withdraw(f"tuned/{name}")

    def look(self, wanted: Collection[str]) -> None:
        """Start what is wanted and missing, end what is not wanted any more."""
        self._looks += 1
        for name in wanted:
            self._versions.setdefault(name, _Version(name, due=time.monotonic()))
        for version in list(self._versions.values()):
            try:
                self._bring_in_line(version, wanted=version.name in wanted)
            except OSError as error:
                # A file that cannot be written, or no process: the others go on.
                version.stop()
                version.server = version.starting = version.ready = None
                self._put_off(version, ServerFailed(f"{type(error).__name__}: {error}"))

    def stop(self) -> None:
        for version in self._versions.values():
            serving.withdraw(f"tuned/{version.name}")
            version.stop()
        self._versions.clear()
        self._waiting.shutdown()

    def _bring_in_line(self, version: _Version, *, wanted: bool) -> None:
        self._note_ready(version)
        self._note_lasting(version)
        self._note_ended(version)
        self._heed(version, wanted=wanted)
        self._start_due(version)

    def _start_due(self, version: _Version) -> None:
        idle = version.starting is None and version.server is None
        if not idle or version.unwanted_since is not None or version.due > time.monotonic():
            return
        try:
            log = self._logs / f"tuned-{version.name}.log"
            version.starting = spawn_tuned(version.name, log, host=self._host)
        except ServerFailed as error:
            self._put_off(version, error)
            return
        version.ready = self._waiting.submit(version.starting.wait)

    def _note_ready(self, version: _Version) -> None:
        if version.ready is None or not version.ready.done():
            return
        ready, version.ready, version.starting = version.ready, None, None
        try:
            version.server = ready.result()
        except ServerFailed as error:
            self._put_off(version, error)
            return
        version.since = time.monotonic()
        logger.info("%s answers at %s", version.name, version.server.url)
        if version.unwanted_since is None:
            serving.announce(version.server)

    def _note_lasting(self, version: _Version) -> None:
        """One that comes up and ends at its first questions has come up for nobody."""
        if version.server is None or time.monotonic() - version.since < LASTING_SECONDS:
            return
        version.failures = 0
        for kind in (Incident.Kind.TUNED_SERVER, Incident.Kind.TUNED_FILES):
            incidents.settle(kind, version.name)

    def _note_ended(self, version: _Version) -> None:
        server = version.server
        if server is None or self._lives(server):
            return
        serving.withdraw(server.name)
        server.stop()
        version.server = None
        self._put_off(version, ServerFailed(f"It ended ({server.process.returncode})."))

    def _lives(self, server: Server) -> bool:
        if server.process.poll() is not None:
            return False
        if self._looks % _HEALTH_EVERY_LOOKS:
            return True
        try:
            reply = httpx.get(server.url.removesuffix("v1") + "health", timeout=_HEALTH_SECONDS)
        except httpx.HTTPError:
            return True  # Busy, or ending: the next look tells.
        return reply.status_code != httpx.codes.SERVICE_UNAVAILABLE

    def _put_off(self, version: _Version, error: ServerFailed) -> None:
        version.failures += 1
        pause = pause_after(version.failures)
        version.due = time.monotonic() + pause
        logger.error("%s does not run. It starts again in %.0f s: %s", version.name, pause, error)
        incidents.report_start(version.name, str(error).splitlines()[-1])

    def _heed(self, version: _Version, *, wanted: bool) -> None:
        """Announce or withdraw as `wanted` says; end what was unwanted for long enough."""
        if wanted:
            if version.unwanted_since is not None and version.server is not None:
                serving.announce(version.server)
            version.unwanted_since = None
            return
        if version.unwanted_since is None:
            version.unwanted_since = time.monotonic()
            serving.withdraw(f"tuned/{version.name}")
        if version.server is None or time.monotonic() - version.unwanted_since >= self._grace:
            version.stop()
            del self._versions[version.name]
