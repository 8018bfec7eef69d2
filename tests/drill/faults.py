"""Faults at a chosen moment of the real processes.

Their settings are `tests.drill.settings`, by which each watches its own statements and what it
does to files and processes. A test arms one fault; the process that comes to its moment first, and
no other, is killed there or stopped.
"""

import json
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

SQL = "sql"
EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "socket.sendmsg", "subprocess.Popen"}


@dataclass(frozen=True, slots=True)
class Fault:
    """`process` is looked for in the command line. `moments` are searched, one after the other, in
    what it does: `sql` with statement and parameters, or an event of `sys.addaudithook` with its
    arguments. It is struck `after` seconds at the last of them."""

    process: str
    moments: Sequence[str]
    after: float = 0.0
    signal: int = signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Struck:
    pid: int
    at: float
    """Seconds of the epoch."""


class Armoury:
    """The faults of one home, seen from both sides."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "faults"
        self.armed, self.struck = self.folder / "armed.json", self.folder / "struck.json"

    # --- The test's side -------------------------------------------------------------------------
    def arm(self, fault: Fault) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        written = self.folder / "new.json"
        written.write_text(json.dumps(asdict(fault)))
        written.replace(self.armed)

    def what_was_struck(self) -> Struck | None:
        if not self.struck.exists():
            return None
        told = json.loads(self.struck.read_text())
        return Struck(told["pid"], told["at"])

    # --- The process's side ----------------------------------------------------------------------
    def taken(self) -> bool:
        """Whether this process is the one that the fault is for: one alone can take it."""
        mine = self.folder / f"{os.getpid()}.json"
        try:
            self.armed.rename(mine)
        except FileNotFoundError:
            return False
        mine.write_text(json.dumps({"pid": os.getpid(), "at": time.time()}))
        mine.replace(self.struck)
        return True


class Watch:
    """Looks, in one process, for the moments of the fault that is armed."""

    def __init__(self, armoury: Armoury) -> None:
        self.armoury = armoury
        self.command = " ".join(sys.orig_argv)
        self.local = threading.local()

    def see(self, what: str, arguments: object) -> None:
        # What is done in here is seen as well.
        if getattr(self.local, "busy", False) or not self.armoury.armed.exists():
            return
        self.local.busy = True
        try:
            self._look(f"{what} {arguments}")
        finally:
            self.local.busy = False

    def _look(self, happened: str) -> None:
        try:
            fault = Fault(**json.loads(self.armoury.armed.read_text()))
        except FileNotFoundError:
            return
        if fault.process not in self.command:
            return
        # The moments are of one thread, as the work is.
        if getattr(self.local, "fault", None) != fault:
            self.local.fault, self.local.left = fault, list(fault.moments)
        if re.search(self.local.left[0], happened, re.DOTALL):
            self.local.left.pop(0)
        if self.local.left:
            return
        self.local.fault = None
        if fault.after:
            threading.Timer(fault.after, self._strike, (fault.signal,)).start()
        else:
            self._strike(fault.signal)

    def _strike(self, number: int) -> None:
        if self.armoury.taken():
            os.kill(os.getpid(), number)


def watch(home: Path) -> None:
    """From now on this process looks for the faults of its home."""
    watched = Watch(Armoury(home))

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS:
            watched.see(event, arguments)

    def executed(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        watched.see(SQL, f"{sql} {params}")
        return execute(sql, params, many, context)

    def connected(connection: BaseDatabaseWrapper, **_: object) -> None:
        if executed not in connection.execute_wrappers:
            connection.execute_wrappers.append(executed)

    sys.addaudithook(heard)
    connection_created.connect(connected, weak=False)
