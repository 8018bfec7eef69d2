"""Rows that carry their headers, such as `Team: Billing; Budget: 400 EUR`, as a table. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from docportal.views.segments import Line, Span, lines, segments


@dataclass(frozen=True, slots=True)
class Table:
    headers: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class _Cell:
    header: str
    start: int
    end: int


def table(text: str, mark: Span | None) -> Table | None:
    """Rows such as `Team: Billing; Budget: 400 EUR` as a table, or None if they are not that.

    A value may itself hold `; ` or `: `: only names that most rows share are headers, anything
    else belongs to the value before it.
    """
    rows = [_cells(text, span) for span in lines(text)]
    counts = Counter(name for row in rows for name in {cell.header for cell in row})
    headers = [name for name, count in counts.items() if name and count * 2 > len(rows)]
    headers.sort(key=lambda name: _first_place(rows, name))
    merged = [_merge(row, set(headers)) for row in rows]
    if len(headers) < 2 or any(not row or row[0].header not in headers for row in merged):
        return None
    by_header = [{cell.header: cell for cell in row} for row in merged]
    if any(len(cells) != len(row) for cells, row in zip(by_header, merged, strict=True)):
        return None
    return Table(
        tuple(headers),
        tuple(
            tuple(
                segments(text, (cells[name].start, cells[name].end), mark) if name in cells else ()
                for name in headers
            )
            for cells in by_header
        ),
    )


def _cells(text: str, span: Span) -> list[_Cell]:
    cells = []
    start, line_end = span
    while start < line_end:
        end = text.find("; ", start, line_end)
        end = line_end if end < 0 else end
        colon = text.find(": ", start, end)
        if colon < 0 and text.endswith(":", start, end):
            colon = end - 1
        if colon < 0:
            cells.append(_Cell("", start, end))
        else:
            cells.append(_Cell(text[start:colon], min(colon + 2, end), end))
        start = end + 2
    return cells


def _first_place(rows: Sequence[Sequence[_Cell]], name: str) -> int:
    return next(place for row in rows for place, cell in enumerate(row) if cell.header == name)


def _merge(row: Sequence[_Cell], headers: set[str]) -> list[_Cell]:
    merged: list[_Cell] = []
    for cell in row:
        if cell.header in headers or not merged:
            merged.append(cell)
        else:
            merged[-1] = _Cell(merged[-1].header, merged[-1].start, cell.end)
    return merged
