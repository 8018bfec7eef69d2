"""`make test` on a machine that lacks something: it is said, and fails where all is expected."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests import run
from tests.drill.servers import Server
from tests.ports import LOOPBACK, free_port
from tests.waiting import until

REDIS = shutil.which("redis-server")
JOURNEYS = Path(__file__).parent / "journeys" / "test_sources.py"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No program in PATH, and no test to run."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["run", "--version"])


def test_without_a_browser_it_is_said_that_journeys_are_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert run.main() == 0
    assert "SKIPPED: the journeys in a browser, because of Chromium" in capsys.readouterr().out


def test_ci_fails_without_a_browser_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", "true")
    assert run.main() == 1
    said = capsys.readouterr().out
    assert "FAILED" in said
    assert "Chromium" in said
    assert "===" not in said


@pytest.mark.skipif(REDIS is None, reason="redis-server is not installed")
def test_redis_that_takes_no_writes_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    snapshots = tmp_path / "snapshots"
    snapshots.mkdir()
    port = free_port()
    command = [str(REDIS), "--port", str(port), "--bind", LOOPBACK, "--save", "3600 1"]
    server = Server([*command, "--dir", str(snapshots)], tmp_path, port)
    server.start()
    try:
        snapshots.rmdir()
        client = redis.Redis(port=port)
        client.bgsave()
        until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
        monkeypatch.setenv("CI", "true")
        monkeypatch.setattr(run, "BROKER_URL", f"redis://{LOOPBACK}:{port}/15")
        assert run.main() == 1
        assert "Redis: MISCONF" in capsys.readouterr().out
    finally:
        server.end(signal.SIGKILL)


def test_journey_without_a_browser_is_skipped_with_the_reason() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(JOURNEYS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "SKIPPED" in done.stdout
    assert "Chromium" in done.stdout


def test_round_that_is_killed_has_failed_whatever_the_other_did(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CI", raising=False)
    first = "import os\nif 'DATABASE_URL' not in os.environ:\n    os.kill(os.getpid(), 9)\n"
    (tmp_path / "kills_the_first.py").write_text(first)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["run", "-p", "kills_the_first", "--markers"])
    assert run.main() == -9
