"""What is a drill, when it runs, and what its table counts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drill.table import PROPERTY, Told, table


def report(*breakages: dict[str, object], when: str = "call") -> pytest.TestReport:
    return pytest.TestReport(
        nodeid="test_drill.py::test_it",
        location=("test_drill.py", 0, "test_it"),
        keywords={},
        outcome="passed",
        longrepr=None,
        when=when,  # type: ignore[arg-type]
        user_properties=[(PROPERTY, told) for told in breakages],
    )


ROOT = Path(__file__).resolve().parents[2]
# It has tests of all kinds.
MAKING = "tests/docportal/backups/test_making.py"
KILLED = {"kind": "Killed", "began": 1.0, "seconds": 2.0}


def test_record_is_counted_by_the_next_run(tmp_path: Path) -> None:
    record = tmp_path / "record"
    first = Told(record)
    first.pytest_runtest_logreport(report(KILLED, KILLED | {"seconds": 3.0, "lost": ["a.md"]}))
    assert Told(record).breakages == first.breakages

    second = Told(record)
    second.pytest_runtest_logreport(report(KILLED | {"kind": "Hangs", "seconds": None}))
    assert [" ".join(row.split()) for row in table(Told(record).breakages)][2:] == [
        "| Hangs | 1 | 0 | 0 | never |",
        "| Killed | 2 | 1 | 0 | 3.0 |",
    ]


def test_breakage_is_told_once_of_a_test_and_kept_nowhere_without_a_record() -> None:
    told = Told(None)
    for when in ("setup", "call", "teardown"):
        told.pytest_runtest_logreport(report(KILLED, when=when))
    assert [one.kind for one in told.breakages] == ["Killed"]


@pytest.mark.parametrize(
    ("expression", "runs"),
    [
        ("not models and not browser", {"quick"}),
        ("slow", {"slow"}),
        ("drill or slow", {"slow", "drill"}),
    ],
)
def test_what_takes_minutes_or_is_slow_runs_when_it_is_named(
    expression: str, runs: set[str]
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", expression, MAKING],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    of_kinds = {
        "quick": "test_room_is_looked_at_first",
        "slow": "test_backup_that_finds_no_room_leaves_none",
        "drill": "test_backup_killed_at_any_moment_is_not_there",
    }
    assert {kind for kind, name in of_kinds.items() if name in listed} == runs
