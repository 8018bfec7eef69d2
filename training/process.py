"""The child processes of a run: started, watched, stopped. Nothing here knows the database.

A child is a process group of its own, ends with its parent, and runs at low priority so that
pages stay quick. It holds a lock on the run's folder for as long as it lives: of two workers that
both believe they have the run, the second starts nothing before the first one's child is gone.
"""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from ingestion.errors import UserError
from router import tether
from router.priority import step_back
from training.trainers.config import BEST, CHECKPOINTS, CONFIG
from training.trainers.events import FAILURE, RESULT

STOP_SECONDS = 15.0
LOG = "trainer.log"
_LOOK_EVERY = 0.5
_NICENESS = 10
_LAST_WORDS = 800
_FULL_BELOW_BYTES = 1 << 20

Check = Callable[[], None]
"""Called while waiting; raises what must stop the child."""


class Died(Exception):
    """A child ended without saying why; the message is what it said last."""


@dataclass(frozen=True, slots=True)
class _End:
    """How a child ended: its exit code, or minus the signal; and what it wrote to its log."""

    code: int
    said: str


def trained(folder: Path) -> bool:
    """Whether the training in this folder has ended well."""
    return (folder / RESULT).exists()


def resumable(folder: Path) -> bool:
    """Whether there is something in this folder that a run can go on from."""
    return trained(folder) or any((folder / CHECKPOINTS).glob("*/manifest.json"))


def remove_checkpoints(folder: Path) -> None:
    """For a run that has ended well: nobody goes on from them any more, and its adapter stays."""
    for name in (CHECKPOINTS, BEST):
        shutil.rmtree(folder / name, ignore_errors=True)


def train(folder: Path, *, interpreter: str, device: str, check: Check) -> None:
    """Run the trainer on the folder's `run.json` until it has ended well.

    It goes on from its newest checkpoint. Raises `UserError` when it cannot succeed, `Died`, and
    whatever `check` raises; in each case no child is left.
    """
    with _locked(folder, check) as lock:
        if trained(folder):
            return
        (folder / FAILURE).unlink(missing_ok=True)
        command = [interpreter, "-m", "training.trainers", str(folder / CONFIG)]
        end = _run(command, folder=folder, device=device, check=check, keep_open=(lock,))
    if not trained(folder):
        raise _why(folder, end)


def run_module(
    module: str, *arguments: str, folder: Path, check: Check, device: str = "cpu"
) -> None:
    """Run one of our modules to its end; it logs into `folder`.

    Raises `Died`, `UserError` when the disk is full, and whatever `check` raises.
    """
    command = [sys.executable, "-m", module, *arguments]
    end = _run(command, folder=folder, device=device, check=check)
    if end.code:
        raise _why(folder, end)


def _run(
    command: Sequence[str],
    *,
    folder: Path,
    device: str,
    check: Check,
    keep_open: Sequence[int] = (),
) -> _End:
    with (folder / LOG).open("ab") as log:
        begun_at = log.tell()
        child = subprocess.Popen(
            [sys.executable, tether.__file__, str(os.getpid()), *command],
            cwd=settings.BASE_DIR,
            env={**os.environ, **_environment(device)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=keep_open,
        )
    try:
        step_back(child.pid, _NICENESS)
        while True:
            check()
            with contextlib.suppress(subprocess.TimeoutExpired):
                return _End(child.wait(_LOOK_EVERY), _said(folder, begun_at))
    finally:
        _stop(child)


def _said(folder: Path, begun_at: int) -> str:
    with (folder / LOG).open("rb") as log:
        log.seek(begun_at)
        return log.read().decode(errors="replace").strip()


def _environment(device: str) -> dict[str, str]:
    """No network for models, and one GPU or none: that of this number in the driver's list. By
    itself CUDA counts the fastest first, and two runs would have one GPU."""
    _, _, gpu = device.partition(":")
    return {
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": gpu,
    }


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End the child's group: politely first, since the trainer then writes a checkpoint."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


@contextlib.contextmanager
def _locked(folder: Path, check: Check) -> Iterator[int]:
    """The lock on a folder, as a descriptor that a child may keep open after this block."""
    with (folder / "lock").open("ab") as file:
        while not _lock(file.fileno()):
            check()
            time.sleep(_LOOK_EVERY)
        yield file.fileno()


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _why(folder: Path, end: _End) -> Exception:
    """What a child that did not end well left behind as its reason."""
    if (folder / FAILURE).exists():
        failure = json.loads((folder / FAILURE).read_text())
        return UserError(failure["id"], failure["reason"])
    last_words = end.said[-_LAST_WORDS:]
    no_room = os.strerror(errno.ENOSPC) in last_words
    if no_room or shutil.disk_usage(folder).free < _FULL_BELOW_BYTES:
        return disk_full(folder)
    return Died(f"The process {_how(end.code)}. It said last: {last_words or 'nothing'}")


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with {code}"
    out_of_memory = ", as when memory runs out" if code == -signal.SIGKILL else ""
    return f"was killed by signal {-code}{out_of_memory}"


def disk_full(folder: Path) -> UserError:
    return UserError("disk-full", f"The disk of {folder} is full. Make room there.")
