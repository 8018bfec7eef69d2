"""A benchmark as a file that needs nothing else, and as lines for a terminal."""

from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

from docportal.views import benchmark_figures as figures
from docportal.views.benchmark_plots import plots
from training.models import Benchmark

STYLESHEET = "docportal.css"
_COLUMNS = (
    *(("exact", "exact_match"), ("f1", "token_f1"), ("right", "correct")),
    *(("refused", "refusal_recall"), ("over-ref.", "over_refusal"), ("stale", "stale_rate")),
)


def shown(benchmark: Benchmark) -> dict[str, Any]:
    """What the templates of a benchmark's figures need."""
    report = benchmark.report
    rows, kinds, systems = figures.rows(report), figures.kinds(report), list(report["systems"])
    return {
        "benchmark": benchmark,
        "setup": report["setup"],
        "rows": rows,
        "uncounted": [one for one in rows if one.measures["uncounted"] and not one.is_baseline],
        "kinds": kinds,
        "systems": systems,
        "headline": figures.headline(report),
        "gains": report["gains"],
        "plots": plots(rows, kinds, systems),
    }


def as_html(benchmark: Benchmark) -> str:
    stylesheet = Path(str(finders.find(STYLESHEET))).read_text(encoding="utf-8")
    context = shown(benchmark) | {"stylesheet": stylesheet}
    return render_to_string("benchmark_report.html", context)


def as_text(benchmark: Benchmark) -> str:
    """A line for each system and baseline."""
    names = [name for name, _ in _COLUMNS]
    heading = f"{'':16}" + "".join(
        f"{name:>10}" for name in (*names, "p50", "p99", "tokens", "$/10k")
    )
    lines = [_line(row) for row in figures.rows(benchmark.report)]
    return "\n".join([heading, *lines])


def _line(row: figures.Row) -> str:
    shares = (_said(row.measures[field], "{:.1%}") for _, field in _COLUMNS)
    times = (f"{row.measures[field] / 1000:.2f} s" for field in ("ms_p50", "ms_p99"))
    tokens = _said(row.measures["tokens_per_answer"], "{:.0f}")
    cost = _said(row.measures["cost_per_10k"], "{:.2f}")
    return f"{row.name:16}" + "".join(f"{cell:>10}" for cell in (*shares, *times, tokens, cost))


def _said(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
