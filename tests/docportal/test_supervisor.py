import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.waiting import until

PROGRAM = """
    import sys
    from pathlib import Path
    from docportal.supervisor import Service, Supervisor
    child = [sys.executable, "-c", {child!r}]
    with Supervisor([Service("one", child), Service("two", child)], logs=Path({logs!r})) as running:
        print("started", flush=True)
        running.wait()
    print("stopped", flush=True)
"""
TASK_PROGRAM = """
    import sys
    from pathlib import Path
    from docportal.supervisor import Service, Supervisor
    child = [sys.executable, "-c", {child!r}]
    # What the task says may be shown as soon as it is under way.
    print("started", flush=True)
    with Supervisor([Service("task", child, is_task=True)], logs=Path({logs!r})) as running:
        running.wait()
    print("stopped", flush=True)
"""
STEPPING_BACK = """
    import sys
    from pathlib import Path
    from docportal.supervisor import Service, Supervisor
    child = [sys.executable, "-c", {child!r}]
    services = [Service("nice", child, niceness=7), Service("other", child)]
    with Supervisor(services, logs=Path({logs!r})) as running:
        print("started", flush=True)
        running.wait()
"""
LASTING = """
    import sys
    from pathlib import Path
    from docportal import supervisor
    from docportal.supervisor import Service, Supervisor
    supervisor.LASTING_SECONDS = {lasting}
    child = [sys.executable, "-c", "pass"]
    with Supervisor([Service("one", child)], logs=Path({logs!r})) as running:
        running.wait()
"""
STOPPING = """
    import sys
    from pathlib import Path
    from docportal import supervisor
    from docportal.supervisor import Service, Supervisor
    supervisor.STOP_SECONDS = 0.5
    child = [sys.executable, "-c", {child!r}]
    with Supervisor([Service("one", child), Service("two", child)], logs=Path({logs!r})) as running:
        print("started", flush=True)
        running.wait()
    print(*(process.returncode for process in running._processes.values()), flush=True)
"""
SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(600)"
)


_started: list["subprocess.Popen[str]"] = []


@pytest.fixture(autouse=True)
def nothing_outlives_its_test() -> Iterator[None]:
    """One that fails leaves no process to the tests after it, which look at their own."""
    yield
    while _started:
        process = _started.pop()
        for child in children(process) if process.poll() is None else ():
            child.kill()
        process.kill()
        process.communicate()


def start(child: str, logs: Path, program: str = PROGRAM) -> "subprocess.Popen[str]":
    program = textwrap.dedent(program).format(child=child, logs=str(logs))
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    _started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def children(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_stops_every_child(tmp_path: Path, number: signal.Signals) -> None:
    process = start(SLEEPER, tmp_path)
    running = children(process)
    assert len(running) == 2
    process.send_signal(number)
    assert process.communicate(timeout=15)[0] == "stopped\n"
    assert not any(child.is_running() for child in running)


def test_child_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    process = start(STUBBORN, tmp_path, STOPPING)
    running = children(process)
    until(lambda: all("deaf" in (tmp_path / f"{name}.log").read_text() for name in ("one", "two")))
    process.terminate()
    killed = -signal.SIGKILL
    assert process.communicate(timeout=30)[0] == f"{killed} {killed}\n"
    assert not any(child.is_running() for child in running)


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    process = start(SLEEPER, tmp_path)
    running = children(process)
    process.kill()
    process.communicate(timeout=15)
    _gone, alive = psutil.wait_procs(running, timeout=15)
    assert alive == []


def test_child_that_ends_is_started_again(tmp_path: Path) -> None:
    births = tmp_path / "births"
    os.mkfifo(births)
    tell = f"import os, time; print(os.getpid(), file=open({str(births)!r}, 'w')); time.sleep(600)"
    process = start(tell, tmp_path / "logs")
    seen: set[int] = set()
    while len(seen) < 2:
        seen.update(int(pid) for pid in births.read_text().split())
    os.kill(min(seen), signal.SIGKILL)
    while len(seen) < 3:
        seen.update(int(pid) for pid in births.read_text().split())
    process.terminate()
    process.communicate(timeout=15)


@pytest.mark.parametrize(("lasting", "pauses"), [(60.0, [1, 2, 4]), (0.0, [1, 1, 1])])
def test_pause_is_short_again_after_a_service_has_lasted(
    tmp_path: Path, lasting: float, pauses: list[int]
) -> None:
    program = textwrap.dedent(LASTING).format(lasting=lasting, logs=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    told = [process.stderr.readline() for _ in pauses]
    process.terminate()
    process.communicate(timeout=15)
    assert [f"again in {pause} s" in line for pause, line in zip(pauses, told, strict=True)] == (
        [True] * 3
    )


def test_task_is_started_again_until_it_succeeds_and_what_it_says_is_shown(tmp_path: Path) -> None:
    births = tmp_path / "births"
    os.mkfifo(births)
    # The first one fails, the second one says so and succeeds.
    task = textwrap.dedent(f"""
        import pathlib, sys
        failed = pathlib.Path({str(tmp_path / "failed")!r})
        first = not failed.exists()
        failed.touch()
        print("failing" if first else "done", flush=True)
        print("born", file=open({str(births)!r}, "w"))
        sys.exit(first)
    """)
    process = start(task, tmp_path / "logs", TASK_PROGRAM)
    assert process.stdout is not None
    seen = ""
    while seen.count("born") < 2:
        seen += births.read_text()
    said = [process.stdout.readline(), process.stdout.readline()]
    assert said == ["failing\n", "done\n"]
    psutil.wait_procs(children(process), timeout=15)
    process.terminate()
    assert process.communicate(timeout=15)[0] == "stopped\n"
    assert "again" not in (tmp_path / "logs" / "task.log").read_text()


def test_what_steps_back_leaves_the_processor_to_the_others(tmp_path: Path) -> None:
    process = start(SLEEPER, tmp_path, STEPPING_BACK)
    nice, other = sorted(children(process), key=lambda child: child.pid)
    own = psutil.Process().nice()
    assert (nice.nice(), other.nice()) == (max(own, 7), own)
    autogroup = Path(f"/proc/{nice.pid}/autogroup")
    if autogroup.exists():
        assert autogroup.read_text().split()[-1] == str(max(own, 7))
    process.terminate()
    process.communicate(timeout=15)
