"""A pytest plugin: counts what was broken, and prints the table of it at the end.

A test breaks something within `with drill("what was broken") as breakage:`. Its clock runs until
`breakage.recovered()`, and what was lost or doubled is named in its lists; either fails the test.
With `--drill-record` each breakage is kept in a file as soon as its test has ended, and the table
counts all that the file holds: hours can be run in parts, and what is cut off is not lost.
"""

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

AIM_SECONDS = 90.0
PROPERTY = "drill"
HEAD = ("Kind of fault", "Times", "Lost", "Doubled", "Slowest recovery (s)")
# What the table stands between in a page that keeps it.
BETWEEN = re.compile(r"(<!-- table -->\n).*?(<!-- end of table -->)", re.DOTALL)


@dataclass(slots=True)
class Breakage:
    """One fault: seconds from it to the recovery, and what of the work is missing or too much."""

    kind: str
    began: float
    seconds: float | None = None
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    failed: bool = False

    def recovered(self) -> None:
        self.seconds = time.time() - self.began


@dataclass(frozen=True, slots=True)
class Drill:
    times: int
    """How often each kind is to be broken."""
    item: pytest.Item

    @contextmanager
    def __call__(self, kind: str, *, since: float | None = None) -> Iterator[Breakage]:
        """The clock starts now, or did at `since`, in seconds of the epoch."""
        breakage = Breakage(kind, time.time() if since is None else since)
        try:
            yield breakage
            if breakage.seconds is None:
                breakage.recovered()
        except BaseException:
            breakage.failed = True
            raise
        finally:
            self.item.user_properties.append((PROPERTY, asdict(breakage)))
        assert (breakage.lost, breakage.doubled) == ([], [])


@pytest.fixture
def drill(request: pytest.FixtureRequest) -> Drill:
    return Drill(request.config.getoption("drill_times"), request.node)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--drill-times", type=int, default=1, help="how often each kind of fault is tried"
    )
    parser.addoption(
        "--drill-table", type=Path, help="a Markdown page whose table of faults is written anew"
    )
    parser.addoption(
        "--drill-record", type=Path, help="a file that keeps each breakage, for the next tables too"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`nth` has a test run as often as each kind is to be broken."""
    if "nth" in metafunc.fixturenames and "setting" not in metafunc.fixturenames:
        metafunc.parametrize("nth", range(metafunc.config.getoption("drill_times")))


class Told:
    """The breakages of this run, after those that the record holds, if one is kept."""

    def __init__(self, record: Path | None) -> None:
        self.record = record
        kept = record.read_text().splitlines() if record is not None and record.exists() else []
        self.breakages = [Breakage(**json.loads(line)) for line in kept]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                self._add(value)

    def _add(self, told: Any) -> None:
        self.breakages.append(Breakage(**told))
        if self.record is not None:
            with self.record.open("a") as record:
                record.write(f"{json.dumps(told)}\n")


TOLD = pytest.StashKey[Told]()


def pytest_configure(config: pytest.Config) -> None:
    # A process of pytest-xdist tells the one that started it.
    if not hasattr(config, "workerinput"):
        config.stash[TOLD] = Told(config.getoption("drill_record"))
        config.pluginmanager.register(config.stash[TOLD])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    breakages = config.stash[TOLD].breakages
    if not breakages:
        return
    rows = list(table(breakages))
    terminalreporter.section(f"what was broken ({len(rows) - 2} kinds)")
    for row in rows:
        terminalreporter.write_line(row)
    page: Path | None = config.getoption("drill_table")
    if page is not None:
        lines = "".join(f"{row}\n" for row in rows)
        page.write_text(BETWEEN.sub(lambda found: found[1] + lines + found[2], page.read_text()))


def table(breakages: Sequence[Breakage]) -> Iterator[str]:
    """Rows of a Markdown table, a kind each, in the order of their names."""
    by_kind: dict[str, list[Breakage]] = defaultdict(list)
    for breakage in breakages:
        by_kind[breakage.kind].append(breakage)
    cells = [HEAD, *(_row(kind, by_kind[kind]) for kind in sorted(by_kind))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    yield _line(cells[0], widths)
    yield _line(["-" * width for width in widths], widths)
    for row in cells[1:]:
        yield _line(row, widths)


def _row(kind: str, breakages: Sequence[Breakage]) -> tuple[str, ...]:
    failed = sum(one.failed for one in breakages)
    times = f"{len(breakages)}, {failed} failed" if failed else str(len(breakages))
    took = [one.seconds for one in breakages if one.seconds is not None]
    lost, doubled = (sum(map(len, ones)) for ones in zip(*map(_counts, breakages), strict=True))
    return kind, times, str(lost), str(doubled), f"{max(took):.1f}" if took else "never"


def _counts(breakage: Breakage) -> tuple[Any, Any]:
    return breakage.lost, breakage.doubled


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"
