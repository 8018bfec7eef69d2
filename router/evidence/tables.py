"""Rows of tables, `Header: value; Header: value`, and to which of them an answer belongs. Pure."""

import re
from collections.abc import Sequence

from router.evidence.questions import Question
from router.evidence.sources import Source, stems_in

Cell = tuple[frozenset[str], frozenset[str]]
"""The stems of its header and those of its value."""

# Without a header behind it, it parts the items of a list in a cell: `Ports: 80; 443`.
_NEXT_CELL = re.compile(r"; (?=[^:;]+: )")


def cells(source: Source, number: int) -> list[Cell]:
    """Of a sentence that is a row; else none."""
    sentence = source.sentences[number]
    line = source.text[sentence.start : sentence.end]
    pairs = [cell.partition(": ") for cell in _NEXT_CELL.split(line)]
    if not all(found for _, found, _ in pairs):
        return []
    return [(stems_in(header), stems_in(value)) for header, _, value in pairs]


def is_of_another_cell(
    number: int, source: Source, asked: Question, told: Sequence[frozenset[str]]
) -> bool:
    """Whether the question names another row or another column than that of what is `told`, values
    by their stems."""
    row = cells(source, number)
    if len(row) < 2:
        return False
    rows = [cells(source, other) for other in range(len(source.sentences)) if other != number]
    headers = [header for header, _ in row]
    keys = [other[0][1] for other in rows if [header for header, _ in other] == headers]
    named = [key for key in keys if key and key <= asked.stems]
    if named and not row[0][1] <= asked.stems:
        return True
    # A row of `auth` is none of `auth-proxy`.
    if any(row[0][1] < key for key in named):
        return True
    holding = [header for header, cell in row[1:] if any(one and one <= cell for one in told)]
    others = [header for header, _ in row[1:] if header not in holding]
    return (
        bool(holding)
        and not any(header & asked.stems for header in holding)
        and any(header and header <= asked.stems for header in others)
    )
