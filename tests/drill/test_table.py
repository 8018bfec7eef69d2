"""What the table of a drill counts."""

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
