"""Kills backups and restores of one installation at any moment, and looks at what is left.

    python -m tests.docportal.backups.killing ROUNDS backup FOLDER
    python -m tests.docportal.backups.killing ROUNDS restore BACKUPS OLD_BACKUPS

Every step is a process of its own, forked from this one, which has loaded everything and touches
nothing: so a kill falls into the work, and a round takes a second. Prints, as JSON, how many
seconds each recovery took.
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from docportal.backups import contents, folder, unfinished  # noqa: E402
from docportal.backups.folder import BackupFolder  # noqa: E402
from docportal.backups.making import back_up  # noqa: E402
from docportal.backups.restoring import restore  # noqa: E402
from docportal.integrity_checks import check  # noqa: E402

LONGEST = 1.2


def forked(work: Callable[[], object]) -> int:
    """The id of a process that does the work and ends with 0 when it worked."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def done(work: Callable[[], object]) -> None:
    _, status = os.waitpid(forked(work), 0)
    assert status == 0


def killed(work: Callable[[], object], after: float) -> bool:
    """Whether it was still at it."""
    pid = forked(work)
    time.sleep(after)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def look() -> dict[str, Any]:
    """Whether no restore is under way, what there is then, and what is wrong with it."""
    with tempfile.NamedTemporaryFile() as told:

        def tell() -> None:
            whole = not unfinished().exists()
            state = {"whole": whole, "counts": {}, "problems": []}
            if whole:
                state |= {"counts": contents.counts(), "problems": check().problems_as_json()}
            Path(told.name).write_text(json.dumps(state))

        done(tell)
        state: dict[str, Any] = json.loads(Path(told.name).read_text())
        return state


def kill_backups(rounds: int, path: Path) -> list[float]:
    source, seconds, there = random.Random(3), list[float](), BackupFolder(path)
    while len(seconds) < rounds:
        if not killed(lambda: back_up(path), source.random() * LONGEST / 4):
            continue
        began = time.monotonic()
        for one in there.lists():
            assert there.damage(folder.read(one)) == []
        done(lambda: back_up(path))
        seconds.append(time.monotonic() - began)
        assert there.damage(folder.read(there.lists()[-1])) == []
        assert list(path.glob(".new-*")) == []
    return seconds


def kill_restores(rounds: int, backups: Path, old_backups: Path) -> list[float]:
    """The home is the old one, or nothing starts in it, or it is the new one."""
    done(lambda: restore(backups))
    new = look()
    done(lambda: restore(old_backups, replace=True))
    old = look()
    assert old["counts"] != new["counts"]
    source, seconds = random.Random(4), list[float]()
    while len(seconds) < rounds:
        hit = killed(lambda: restore(backups, replace=True), source.random() * LONGEST)
        began, found = time.monotonic(), look()
        assert found in (old, new) or not found["whole"], found
        if not found["whole"]:
            # It goes on without being told that it may replace.
            done(lambda: call_command("restore", backups, stdout=sys.stderr))
            assert look() == new
        if hit:
            seconds.append(time.monotonic() - began)
        done(lambda: restore(old_backups, replace=True))
    assert look() == old
    return seconds


if __name__ == "__main__":
    rounds, verb, *paths = sys.argv[1:]
    given = [Path(path) for path in paths]
    kill = kill_backups if verb == "backup" else kill_restores
    print(json.dumps(kill(int(rounds), *given)))
