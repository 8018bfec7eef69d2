"""Kills backups and restores of one installation at any moment, and looks at what is left.

    python -m tests.docportal.backups.killing backup FOLDER
    python -m tests.docportal.backups.killing restore BACKUPS OLD_BACKUPS

Every step is a process of its own, forked from this one, which has loaded everything and touches
nothing: so a kill falls into the work, and a round takes a second. Prints how many were killed.
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

ROUNDS = 6
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


def kill_backups(path: Path) -> int:
    source, hits, there = random.Random(3), 0, BackupFolder(path)
    for _ in range(ROUNDS):
        hits += killed(lambda: back_up(path), source.random() * LONGEST / 4)
        for one in there.lists():
            assert there.damage(folder.read(one)) == []
    done(lambda: back_up(path))
    assert there.damage(folder.read(there.lists()[-1])) == []
    assert list(path.glob(".new-*")) == []
    return hits


def kill_restores(backups: Path, old_backups: Path) -> int:
    """The home is the old one, or nothing starts in it, or it is the new one."""
    done(lambda: restore(backups))
    new = look()
    done(lambda: restore(old_backups, replace=True))
    old = look()
    assert old["counts"] != new["counts"]
    source, hits = random.Random(4), 0
    for _ in range(ROUNDS):
        hits += killed(lambda: restore(backups, replace=True), source.random() * LONGEST)
        found = look()
        assert found in (old, new) or not found["whole"], found
        if not found["whole"]:
            # It goes on without being told that it may replace.
            done(lambda: call_command("restore", backups, stdout=sys.stderr))
            assert look() == new
        done(lambda: restore(old_backups, replace=True))
    assert look() == old
    return hits


if __name__ == "__main__":
    verb, *paths = sys.argv[1:]
    given = [Path(path) for path in paths]
    print(kill_backups(*given) if verb == "backup" else kill_restores(*given))
