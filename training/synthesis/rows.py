"""Tables: every cell with the header of its column and the key of its row. Pure.

Passages hold tables as rows of `Header: value; Header: value`; a row's key may stand alone, where
its column has no header. A table of two nameless columns stands as `key: value`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from training.synthesis.lexicon import meant_by
from training.synthesis.mined import Labelled
from training.synthesis.values import values_of
from training.synthesis.words import LISTS, is_identifier, readable

MAX_LINE = 3_000
MAX_KEY = 80
MAX_VALUE_WORDS = 6
# Kinds of values under one header. Two may be of one attribute: `5 minutes` and `never`.
SEVERAL = 3
_HEADER = re.compile(r"[^:;]{1,60}?: ")
_NAME, _VALUE, _CONDITION = LISTS["table_name"], LISTS["table_value"], LISTS["table_condition"]
_WORD = re.compile(r"[A-Za-z]{2}")
_NUMBERING = re.compile(r"(?:#|no\.?|nr\.?|number|pos\.?|step|id)", re.I)


@dataclass(frozen=True, slots=True)
class Cell:
    """`header` is empty where the column has none; the place is that of the value."""

    header: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Row:
    start: int
    end: int
    cells: tuple[Cell, ...]


def of_table(text: str) -> list[Labelled]:
    """What the rows say, each value under its label."""
    rows = _rows(text)
    if not rows:
        return []
    if all(len(row.cells) == 1 for row in rows):
        return [_entry(row, row.cells[0]) for row in rows if row.cells[0].header]
    return list(_of_columns(rows))


# --- Reading -----------------------------------------------------------------------------------
def _rows(text: str) -> list[Row]:
    lines: list[tuple[int, str]] = []
    place = 0
    for line in text.split("\n"):
        if line.strip() and len(line) <= MAX_LINE:
            lines.append((place, line))
        place += len(line) + 1
    headers = _headers([line for _, line in lines])
    return [_row(start, line, headers) for start, line in lines]


def _headers(lines: Sequence[str]) -> frozenset[str]:
    """Starts of cells that are headers: those of several rows, or all those of a single one."""
    counts: Counter[str] = Counter()
    for line in lines:
        starts = {found[0][:-2] for part in line.split("; ") if (found := _HEADER.match(part))}
        counts.update(starts)
    least = 2 if len(lines) > 1 else 1
    return frozenset(header for header, count in counts.items() if count >= least)


def _row(start: int, line: str, headers: frozenset[str]) -> Row:
    spans: list[tuple[str, int, int]] = []  # header, and where the value starts and ends
    place = 0
    for part in line.split("; "):
        found = _HEADER.match(part)
        header = found[0][:-2] if found else ""
        is_new = header in headers and header not in {known for known, _, _ in spans}
        if is_new or not spans:
            known = header if is_new or (found and not headers) else ""
            spans.append((known, place + (len(known) + 2 if known else 0), place + len(part)))
        else:
            spans[-1] = (*spans[-1][:2], place + len(part))
        place += len(part) + 2
    if len(spans) == 1 and not spans[0][0] and (found := _HEADER.match(line)):
        spans = [(found[0][:-2], found.end(), len(line))]
    cells = tuple(Cell(h, line[a:b].strip(), start + a, start + b) for h, a, b in spans)
    return Row(start, start + len(line.rstrip()), cells)


# --- Understanding -----------------------------------------------------------------------------
def _entry(row: Row, cell: Cell) -> Labelled:
    """A row of two nameless columns: a setting, or, where the value is a clause, a term."""
    is_clause = len(cell.value.split()) > MAX_VALUE_WORDS and not _is_attribute(cell.header)
    if is_clause:
        return Labelled("definition", cell.value, row.start, row.end, entity=cell.header)
    return Labelled(cell.header, cell.value, row.start, row.end, key=_key(cell.header))


def _of_columns(rows: Sequence[Row]) -> Iterator[Labelled]:
    names = [row.cells[0] for row in rows]
    first = names[0].header.lower()
    others = list(dict.fromkeys(cell.header for row in rows for cell in row.cells[1:]))
    header = _value_header(rows, others) if first in _NAME or not first else None
    if header is not None:
        for row in rows:
            yield from _of_named(row, header)
        return
    are_conditions = (not first or first in _NAME) and _are_conditions(rows, others)
    for row in rows:
        yield from _of_row(row, _key_cells(rows, row), are_conditions=are_conditions)


def _of_named(row: Row, header: str) -> Iterator[Labelled]:
    """What a row names with its value, and what that means."""
    name = row.cells[0].value
    for cell in row.cells[1:]:
        if cell.header == header:
            yield Labelled(name, cell.value, row.start, row.end, key=_key(name))
        elif cell.header.lower() in LISTS["table_meaning"]:
            yield Labelled("definition", cell.value, row.start, row.end, entity=name)


def _value_header(rows: Sequence[Row], others: Sequence[str]) -> str | None:
    """The column that holds the values of what the rows name, where the others only remark on
    them; None: there is none."""
    told = others
    if len(others) > 1:
        beside = LISTS["table_remark"] | LISTS["table_meaning"]
        told = [header for header in others if header.lower() not in beside]
    return told[0] if len(told) == 1 and _are_values(rows, told[0]) else None


def _are_values(rows: Sequence[Row], header: str) -> bool:
    """Whether a column holds the values of what the rows name, and says nothing of them itself:
    by its header, or because the values are of several kinds, as no attribute has them."""
    if header.lower() in _VALUE:
        return True
    values = [cell.value for row in rows for cell in row.cells[1:] if cell.header == header]
    kinds = set(map(_kind, values))
    return len(kinds) >= SEVERAL or (len(kinds) > 1 and not _is_attribute(header, values))


def _kind(value: str) -> str:
    """Of what it holds first: a number, a duration, an amount of money, or its look."""
    return next((found.kind for found in values_of(value[:60])), _form(value))


def _are_conditions(rows: Sequence[Row], others: Sequence[str]) -> bool:
    """Whether the columns are places or cases (`Production`, `Staging`) of what a row names: the
    values of a row are then of one form, and those of a column are not."""
    if len(others) < 2 or any(_is_attribute(header) for header in others):
        return False
    along = [_form(a.value) == _form(b.value) for row in rows for a, b in pairwise(row.cells[1:])]
    columns = {
        header: [cell.value for row in rows for cell in row.cells if cell.header == header]
        for header in others
    }
    down = [_form(a) == _form(b) for values in columns.values() for a, b in pairwise(values)]
    if not along:
        return False
    share_down = sum(down) / len(down) if down else 0.5
    return sum(along) / len(along) > share_down


def _is_attribute(header: str, values: Sequence[str] = ()) -> bool:
    """Whether it names one kind of fact, of which all the values may be."""
    meant = meant_by(readable(header).text)
    if meant is None or meant.before or meant.after:
        return False
    holds = meant.concept.holds
    return holds is None or all(map(holds.search, values))


def _form(value: str) -> str:
    """The look of a value: `1.5 s` and `20 s` are alike, `yes` and `20 s` are not."""
    digits = re.sub(r"\d[\d.,]*+", "0", value[:60])
    if digits != value[:60]:
        return digits
    return "identifier" if is_identifier(value) else "words"


def _key_cells(rows: Sequence[Row], row: Row) -> tuple[Cell, ...]:
    """The cells that tell this row from the others: one that names it, or the first two."""
    for place in range(min(2, len(row.cells))):
        cell = row.cells[place]
        values = [other.cells[place].value for other in rows if len(other.cells) > place]
        is_running = _NUMBERING.fullmatch(cell.header) and cell.value.rstrip(".").isdigit()
        is_key = len(set(values)) == len(values)
        if is_key and not is_running and len(cell.value) <= MAX_KEY:
            return (cell,)
    both = row.cells[:2]
    return both if len(row.cells) > 2 and all(len(cell.value) <= MAX_KEY for cell in both) else ()


def _of_row(row: Row, keys: tuple[Cell, ...], *, are_conditions: bool) -> Iterator[Labelled]:
    if not keys:
        return
    name = ", ".join(cell.value for cell in keys)
    header = keys[0].header
    is_coded = readable(header).text in LISTS["kind_of_thing"]
    is_case_key = readable(header).text in _CONDITION and len(name.split()) <= 4
    for cell in row.cells:
        if cell in keys or not cell.header or _NUMBERING.fullmatch(cell.header):
            continue
        label = "meaning" if cell.header.lower() == "what" and is_coded else cell.header
        found = Labelled(label, cell.value, row.start, row.end, name, header)
        is_case = cell.header.lower() in LISTS["environment"] or not _WORD.search(cell.header)
        if are_conditions or is_case:
            found = Labelled(name, cell.value, row.start, row.end, condition=cell.header)
        elif is_case_key and not _explains(label):
            case = f"{header.lower()} {name}" if name[:1].isdigit() else name
            found = Labelled(cell.header, cell.value, row.start, row.end, condition=case)
        yield found


def _explains(label: str) -> bool:
    meant = meant_by(readable(label).text)
    return meant is not None and meant.concept.name == "meaning"


def _key(label: str) -> str:
    return label if is_identifier(label) else ""
