"""The real trainer as a child: watched, stopped, killed, and started again."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ingestion.errors import UserError
from tests.drill.table import Drill
from tests.small_disks import fill, small_disk
from tests.training.run_folders import a_run_folder
from training import process
from training.process import Died
from training.trainers.events import read_events

Check = Callable[[], None]
LONG = {"epochs": 1e6, "minutes": 60.0}


class Enough(Exception):
    """The test has seen what it waited for."""


def train(folder: Path, check: Check = lambda: None) -> None:
    process.train(folder, interpreter=sys.executable, device="cpu", check=check)


def children() -> list[psutil.Process]:
    """Ours: the servers of other tests are children of this process too, and some have ended."""
    return [child for child in psutil.Process().children(recursive=True) if is_a_trainer(child)]


def is_a_trainer(child: psutil.Process) -> bool:
    try:
        command = child.cmdline()
    except psutil.ZombieProcess:
        return False
    return "training.trainers" in command or "-c" in command


def events(folder: Path, kind: str) -> list[dict[str, int]]:
    return [event for event in read_events(folder, 0)[0] if event["event"] == kind]


def when(condition: Callable[[], object], then: Check) -> Check:
    def check() -> None:
        if condition():
            then()

    return check


def enough() -> None:
    raise Enough


def kill() -> None:
    for child in children():
        child.kill()


@pytest.mark.slow
def test_trainer_ends_well_in_the_background_and_is_not_started_twice(
    tmp_path: Path, tiny_llama: Path
) -> None:
    folder, niceness = a_run_folder(tmp_path, tiny_llama), set[int]()

    def look() -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            niceness.update(child.nice() for child in children())

    train(folder, look)
    assert process.trained(folder)
    assert (folder / "adapter" / "adapter_model.safetensors").exists()
    assert max(niceness) >= 10
    assert children() == []
    train(folder)
    assert len(events(folder, "started")) == 1


@pytest.mark.slow
def test_stopped_trainer_keeps_a_checkpoint_and_goes_on_from_it(
    tmp_path: Path, tiny_llama: Path
) -> None:
    folder = a_run_folder(tmp_path, tiny_llama, epochs=40.0, checkpoint_seconds=1e6)
    with pytest.raises(Enough):
        train(folder, when(lambda: events(folder, "step"), enough))
    assert children() == []
    assert process.resumable(folder)
    stopped_at = events(folder, "checkpoint")[-1]["step"]
    before = len(events(folder, "step"))
    train(folder)
    assert events(folder, "step")[before]["step"] == stopped_at + 1
    assert process.trained(folder)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["while loading", "in its steps", "after a checkpoint"])
def test_killed_trainer_tells_so_and_goes_on_when_started_again(
    tmp_path: Path, tiny_llama: Path, moment: str
) -> None:
    often = {"in its steps": 1e6}.get(moment, 0.0)
    folder = a_run_folder(tmp_path, tiny_llama, epochs=40.0, checkpoint_seconds=often)
    reached = {
        "while loading": children,
        "in its steps": lambda: events(folder, "step"),
        "after a checkpoint": lambda: events(folder, "checkpoint"),
    }[moment]
    with pytest.raises(Died, match="killed by signal 9"):
        train(folder, when(reached, kill))
    kept = max((event["step"] for event in events(folder, "checkpoint")), default=0)
    assert bool(kept) == (moment == "after a checkpoint")
    before = len(events(folder, "step"))
    train(folder)
    assert events(folder, "step")[before]["step"] == kept + 1
    assert process.trained(folder)


def test_damaged_checkpoint_is_passed_over(
    tmp_path: Path, tiny_llama: Path, drill: Drill, nth: int
) -> None:
    folder = a_run_folder(tmp_path, tiny_llama, epochs=40.0)
    with pytest.raises(Died):
        train(folder, when(lambda: len(events(folder, "checkpoint")) > 1, kill))
    newest, older = sorted((folder / "checkpoints").glob("0*"), reverse=True)[:2]
    (newest / "state.safetensors").write_bytes(b"half")
    before = len(events(folder, "step"))
    with drill("Checkpoint damaged"):
        train(folder)
        assert events(folder, "step")[before]["step"] == int(older.name) + 1


def test_trainer_that_cannot_start_says_why(tmp_path: Path, tiny_llama: Path) -> None:
    folder = a_run_folder(tmp_path, tiny_llama)
    (tmp_path / "data" / "train.jsonl").write_text('{"no": "row"}\n')
    with pytest.raises(Died, match=r"ended with 1(.|\n)*Row"):
        train(folder)


@pytest.mark.slow
def test_second_worker_waits_until_the_first_ones_child_is_gone(
    tmp_path: Path, tiny_llama: Path
) -> None:
    """The first one hangs: its trainer works on although its lease ran out."""
    folder = a_run_folder(tmp_path, tiny_llama, **LONG)
    looks = 0

    def check() -> None:
        nonlocal looks
        looks += 1
        if looks == 5:
            assert len(events(folder, "started")) == 1
            first.kill()
        if len(events(folder, "started")) == 2:
            raise Enough

    with hanging_worker(folder) as first, pytest.raises(Enough):
        train(folder, check)
    assert looks > 5


@contextlib.contextmanager
def hanging_worker(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that trains in this folder and is stopped in the middle of it."""
    program = (
        "import sys; from pathlib import Path; from training import process; "
        "process.train(Path(sys.argv[1]), interpreter=sys.executable, device='cpu', "
        "check=lambda: None)"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "docportal.settings"}
    worker = subprocess.Popen([sys.executable, "-c", program, str(folder)], env=environment)
    while not events(folder, "step"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(0.1)
    worker.send_signal(signal.SIGSTOP)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


def test_child_that_ignores_the_polite_signal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 1.0)
    (tmp_path / "stubborn.py").write_text(
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "time.sleep(600)\n"
    )
    ready = tmp_path / "ready"
    os.environ["PYTHONPATH"] = str(tmp_path)
    try:
        with pytest.raises(Enough):
            process.run_module(
                "stubborn", str(ready), folder=tmp_path, check=when(ready.exists, enough)
            )
    finally:
        del os.environ["PYTHONPATH"]
    assert children() == []


def test_module_that_fails_says_what_it_said_last(tmp_path: Path) -> None:
    with pytest.raises(Died, match=r"No module named training\.nowhere"):
        process.run_module("training.nowhere", folder=tmp_path, check=lambda: None)


@pytest.mark.parametrize(("device", "visible"), [("cuda:2", "2"), ("cpu", "")])
def test_child_counts_gpus_as_the_driver_that_listed_them_and_sees_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, visible: str
) -> None:
    (tmp_path / "gpus.py").write_text(
        "import os\n"
        'raise SystemExit("{CUDA_DEVICE_ORDER} [{CUDA_VISIBLE_DEVICES}]".format(**os.environ))\n'
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    with pytest.raises(Died, match=rf"PCI_BUS_ID \[{visible}\]"):
        process.run_module("gpus", folder=tmp_path, device=device, check=lambda: None)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, megabytes=2):
        yield disk


def test_full_disk_is_named_and_the_run_goes_on_when_there_is_room(
    disk: Path, tiny_llama: Path, drill: Drill, nth: int
) -> None:
    folder = a_run_folder(disk, tiny_llama, rank=64, epochs=8.0)
    ballast = disk / "ballast"

    def fill_it() -> None:
        fill(disk, leave=65536)

    with pytest.raises(UserError, match="Make room there") as full:
        train(folder, when(lambda: events(folder, "checkpoint") and not ballast.exists(), fill_it))
    assert full.value.id == "disk-full"
    assert process.resumable(folder)
    with drill("Disk full in a training") as breakage:
        ballast.unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        train(folder, when(lambda: len(events(folder, "started")) > 1, breakage.recovered))
        assert process.trained(folder)


@pytest.mark.slow
def test_disk_that_is_full_to_the_last_byte_is_named(disk: Path, tiny_llama: Path) -> None:
    folder = a_run_folder(disk, tiny_llama, checkpoint_seconds=1e6, **LONG)
    ballast = disk / "ballast"

    def fill_it() -> None:
        with contextlib.suppress(OSError):  # The trainer may have taken some of it meanwhile.
            fill(disk)

    with pytest.raises(UserError) as full:
        train(folder, when(lambda: events(folder, "step") and not ballast.exists(), fill_it))
    assert full.value.id == "disk-full"
