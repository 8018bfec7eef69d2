"""Tables as rows that can be read alone: every value beside the header it stands under."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lxml import etree

from ingestion.errors import ParseError

MAX_SPAN = 1000
_MAX_CELLS = 200_000


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    is_header: bool = False


Grid = list[list[Cell]]
_EMPTY = Cell("")
_COLUMN_NAMES = frozenset((
    "name", "value", "key", "setting", "option", "parameter", "field", "property", "attribute",
    "item", "description", "meaning", "default", "type", "term", "definition", "code", "variable",
    "command", "topic", "question", "answer", "notes", "note", "purpose", "details", "explanation",
    "symptom", "cause", "action", "step", "metric", "role", "environment", "feature", "column",
))  # fmt: skip
_SIGN = re.compile(r"[:=](?:\s+|$)")
_SEPARATORS = {"br": " ", "p": " ", "div": " ", "pre": " ", "ul": " ", "ol": " ", "li": "; "}


def grid_of(table: etree._Element) -> Grid:
    """The cells of an HTML table with row and column spans filled in: a spanning cell stands at
    every place that it covers. Raises ParseError `too-large`."""
    rows: Grid = []
    pending: dict[int, tuple[int, Cell]] = {}  # column → rows still covered from above
    cells = 0
    for tr in _rows_of(table):
        row: list[Cell] = []
        for node in tr.iterchildren("th", "td"):
            _fill_from_above(row, pending)
            cell = Cell(_text_of(node), node.tag == "th" or _in_head(tr))
            for _ in range(_span(node, "colspan")):
                if (below := _span(node, "rowspan") - 1) > 0:
                    pending[len(row)] = (below, cell)
                row.append(cell)
        _fill_from_above(row, pending)
        cells += len(row)
        if cells > _MAX_CELLS:
            raise ParseError(
                "too-large", f"It has a table of more than {_MAX_CELLS:,} cells. Split the table."
            )
        if any(cell.text for cell in row):
            rows.append(row)
    return rows


def row_texts(grid: Sequence[Sequence[Cell]]) -> list[str]:
    """One line for each row of data: `Header: value; Header: value`.

    A header row is a first row of header cells, or, where the source marks none, a first row
    that looks like one. Header rows below each other are joined. A table without a header is
    read by its first column: `key: value`.
    """
    width = max((len(row) for row in grid), default=0)
    rows = _without_signs([[*row, *[_EMPTY] * (width - len(row))] for row in grid])
    head = _head_length(rows)
    if head == len(rows):
        return [_joined(cell.text for cell in _once(row)) for row in rows]
    columns = range(len(rows[0]))
    headers = [_joined_header([row[column].text for row in rows[:head]]) for column in columns]
    return [text for row in rows[head:] if (text := _row_text(headers, row))]


def _without_signs(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """The cells without the sign between a key and its value, where all of a column begin with it:
    `Port    : 8080`. A column of nothing else is left out."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    for place, column in enumerate(columns[1:], start=1):
        told = [cell.text for cell in column if cell.text]
        if told and all(map(_SIGN.match, told)):
            columns[place] = [replace(cell, text=_SIGN.sub("", cell.text, 1)) for cell in column]
    kept = [column for place, column in enumerate(columns) if not place or _has_text(column)]
    return [list(row) for row in zip(*kept, strict=True)]


def _has_text(column: Iterable[Cell]) -> bool:
    return any(cell.text for cell in column)


def _row_text(headers: list[str], row: list[Cell]) -> str:
    if not any(headers) and len(_once(row)) > 1 and row[0].text:
        return f"{row[0].text.rstrip(':')}: {_joined(cell.text for cell in _once(row)[1:])}"
    if len(_once(row)) == 1:
        return row[0].text  # one cell across the whole table: a caption among the rows
    parts: list[str] = []
    for place, (header, cell) in enumerate(zip(headers, row, strict=True)):
        repeats = place > 0 and cell is row[place - 1] and header == headers[place - 1]
        if cell.text and not repeats:
            label = header.rstrip(":")
            parts.append(f"{label}: {cell.text}" if label and label != cell.text else cell.text)
    return "; ".join(parts)


def _head_length(rows: Sequence[Sequence[Cell]]) -> int:
    """How many rows at the top are headers."""
    length = 0
    for row in rows:
        if not all(cell.is_header for cell in row if cell.text):
            break
        length += 1
    if length or len(rows) < 2 or any(cell.is_header for row in rows for cell in row):
        return length
    return 1 if looks_like_header([[cell.text for cell in row] for row in rows]) else 0


def looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of the rows names the columns: all places filled, all different, none a
    value (numbers, addresses). Of two columns, which may as well be keys with their values, one
    has to be named as columns are."""
    first = rows[0]
    if len(first) < 2 or not all(first) or len(set(first)) < len(first):
        return False
    if any(_is_value(text) for text in first) or any(len(text) > 60 for text in first):
        return False
    if any(text.endswith(":") for text in first):
        return False
    return len(first) > 2 or any(text.casefold() in _COLUMN_NAMES for text in first)


def _is_value(text: str) -> bool:
    return bool(re.search(r"\d|@|://|[=;]|\.$", text))


def _rows_of(table: etree._Element) -> list[etree._Element]:
    """As they are seen: the head on top and the foot at the bottom, wherever they are written."""
    parts = list(table.iterchildren("thead", "tbody", "tfoot", "tr"))
    parts.sort(key=lambda part: {"thead": 0, "tfoot": 2}.get(part.tag, 1))
    return [
        tr for part in parts for tr in ([part] if part.tag == "tr" else part.iterchildren("tr"))
    ]


def _in_head(tr: etree._Element) -> bool:
    parent = tr.getparent()
    return parent is not None and parent.tag == "thead"


def _fill_from_above(row: list[Cell], pending: dict[int, tuple[int, Cell]]) -> None:
    while len(row) in pending:
        column = len(row)
        left, cell = pending.pop(column)
        if left > 1:
            pending[column] = (left - 1, cell)
        row.append(cell)


def _span(node: etree._Element, name: str) -> int:
    value = (node.get(name) or "1").strip()
    return min(max(int(value), 1), MAX_SPAN) if value.isdecimal() else 1


def _text_of(node: etree._Element) -> str:
    parts: list[str] = []
    for event, inner in etree.iterwalk(node, events=("start", "end")):
        if event == "start":
            if inner is not node and inner.tag in _SEPARATORS and "".join(parts).strip():
                parts.append(_SEPARATORS[inner.tag])
            parts.append(inner.text or "")
        elif inner is not node:
            parts.append(" " * (inner.tag in _SEPARATORS) + (inner.tail or ""))
    return re.sub(r"\s+(?=; )|(?<=;)\s+(?=;)", "", " ".join("".join(parts).split()))


def _once(row: Sequence[Cell]) -> list[Cell]:
    """The row without the repetitions of a cell that spans columns."""
    return [row[0], *(b for a, b in pairwise(row) if b is not a)] if row else []


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(text for text in texts if text)


def _joined_header(texts: list[str]) -> str:
    """Headers that stand above each other, each once: `Latency p95`."""
    return " ".join(dict.fromkeys(text for text in texts if text))
