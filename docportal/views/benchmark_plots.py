"""The plots of a benchmark as bars with their places: SVG that needs no script. Pure.

Lengths are in units of the drawing, which is as wide as a phone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docportal.views.benchmark_figures import Kind, Row
from training.benchmark.baselines import ENGINES

WIDTH, LABELS, VALUES = 340, 112, 58
ROOM = WIDTH - LABELS - VALUES
STEP, THICK = 22, 12
BASELINE = "baseline"

Say = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Value:
    """What a bar shows. `low` and `high` are the ends of its whisker, if it has one."""

    label: str
    colour: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """`colour` is a name; all else but the texts is a place or a length."""

    label: str
    said: str
    colour: str
    top: float
    length: float
    whisker: tuple[float, float] | None

    @property
    def middle(self) -> float:
        return self.top + THICK / 2

    @property
    def baseline(self) -> float:
        """Of the texts beside it."""
        return self.top + THICK - 2


@dataclass(frozen=True, slots=True)
class Plot:
    title: str
    note: str
    bars: Sequence[Bar]
    headings: Sequence[tuple[str, float]]
    height: float
    width: int = WIDTH
    left: int = LABELS
    thick: int = THICK


def plots(rows: Sequence[Row], kinds: Sequence[Kind], systems: Sequence[str]) -> list[Plot]:
    """Those that have something to show; `systems` names the values of each kind.

    The routers that always ask the same engine are those engines, and not shown twice.
    """
    of_systems = [row for row in rows if not row.is_baseline]
    routers = [row for row in rows if row.is_baseline and row.name not in ENGINES]
    drawn = [
        _plot(
            "Exact match",
            "whiskers: 95 % interval",
            [_exact(row) for row in (*of_systems, *routers)],
            _percent,
            1,
        ),
        _plot(
            "What an asker waits",
            "bars: half are answered by then; whiskers: 99 % are",
            [_wait(row) for row in of_systems],
            lambda ms: f"{ms / 1000:.2f} s",
        ),
        _plot(
            "Cost of 10,000 answers",
            "by the tokens that were read and written",
            [_value(row, row.measures["cost_per_10k"]) for row in of_systems],
            lambda dollars: f"${dollars:.2f}",
        ),
        _by_kind(kinds, systems),
    ]
    return [plot for plot in drawn if plot.bars]


def _exact(row: Row) -> Value | None:
    return _value(row, row.measures["exact_match"], *(row.interval or ()))


def _wait(row: Row) -> Value | None:
    return _value(row, row.measures["ms_p50"], row.measures["ms_p50"], row.measures["ms_p99"])


def _value(row: Row, value: float | None, *whisker: float) -> Value | None:
    colour = BASELINE if row.is_baseline else row.name
    return None if value is None else Value(row.name, colour, value, *whisker)


# --- Geometry ----------------------------------------------------------------------------------


def _plot(
    title: str, note: str, values: Sequence[Value | None], say: Say, most: float = 0.0
) -> Plot:
    """Bars one below the other; the longest one, or `most`, has all the room."""
    shown = [value for value in values if value is not None]
    most = most or max((value.high or value.value for value in shown), default=0.0)
    bars = [_bar(value, place * STEP, most, say) for place, value in enumerate(shown)]
    return Plot(title, note, bars, [], len(shown) * STEP)


def _by_kind(kinds: Sequence[Kind], systems: Sequence[str]) -> Plot:
    bars: list[Bar] = []
    headings: list[tuple[str, float]] = []
    top = 0.0
    for kind in kinds:
        headings.append((f"{kind.name} ({kind.n})", top + THICK))
        top += STEP
        for name, share in zip(systems, kind.correct, strict=True):
            if share is not None:
                bars.append(_bar(Value(name, name, share), top, 1, _percent))
                top += STEP
    note = "right answers, and refusals where nothing is documented"
    return Plot("By kind of question", note, bars, headings, top)


def _bar(value: Value, top: float, most: float, say: Say) -> Bar:
    scale = ROOM / most if most else 0.0
    ends = (value.low, value.high)
    whisker = None
    if ends[0] is not None and ends[1] is not None:
        whisker = (LABELS + ends[0] * scale, LABELS + ends[1] * scale)
    length = value.value * scale
    return Bar(value.label, say(value.value), value.colour, top, length, whisker)


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")
