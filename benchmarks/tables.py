"""Tables of benchmark results: what was measured, its baseline, and their ratio."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    value: str
    baseline: str = ""
    ratio: str = ""
    aim: str = ""


def print_table(title: str, rows: Sequence[Row]) -> None:
    header = Row("what", "measured", "baseline", "ratio", "aim")
    cells = [(row.what, row.value, row.baseline, row.ratio, row.aim) for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(5)]
    print(f"\n{title}")
    for number, row in enumerate(cells):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
