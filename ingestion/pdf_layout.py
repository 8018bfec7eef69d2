"""Words at places become lines in reading order, and rows of tables. Pure.

Coordinates are points from the lower left corner of the page as it is seen.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median

HEADING_SIZE = 1.12
"""Times the size of ordinary text."""
_CELL_GAP = 1.3
"""Of the font size: words further apart on a line stand in different columns or cells."""
_EDGE_GAP = 0.6
"""The same, where a column begins in the rows beside it."""
_ROWS_BESIDE = 2
_MARGIN = 0.09
"""Of the page's height, at the top and at the bottom, where headers and footers stand."""
_MARKER = re.compile(r"(?:[•●▪■◦‣·*o–—-]|\(?(?:\d{1,3}|[a-zA-Z])[.)]|\d+(?:\.\d+)+\.?)")


@dataclass(frozen=True, slots=True)
class Word:
    """Also a run of words on one line: a cell, or a whole line."""

    text: str
    x0: float
    x1: float
    y0: float
    y1: float
    size: float
    bold: bool
    mono: bool

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    def with_next(self, following: "Word", between: str = "") -> "Word":
        return replace(
            self,
            text=self.text + between + following.text,
            x1=max(self.x1, following.x1),
            y0=min(self.y0, following.y0),
            y1=max(self.y1, following.y1),
            size=max(self.size, following.size),
            bold=self.bold and following.bold,
            mono=self.mono and following.mono,
        )

    def moved(self, x0: float, x1: float, y0: float, y1: float) -> "Word":
        return replace(self, x0=x0, x1=x1, y0=y0, y1=y1)


@dataclass(frozen=True, slots=True)
class Page:
    number: int
    """From 1."""
    height: float
    words: tuple[Word, ...]


Row = list[Word]
_MarginText = tuple[bool, str]
"""Whether it looks like a heading, and what it says."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a column of text, or one row of a table."""

    cells: tuple[Word, ...]
    page: int
    table: int = 0
    """Tables are numbered from 1; text has 0."""

    @property
    def whole(self) -> Word:
        first, *rest = self.cells
        for cell in rest:
            first = first.with_next(cell, " ")
        return first


def lines_of(pages: Sequence[Page]) -> list[Line]:
    """The lines of a document in reading order, without what repeats in the margins."""
    rows = [(page, _rows(page)) for page in pages]
    heading_size = HEADING_SIZE * _ordinary_size(pages)
    repeated = _repeated_texts(rows, heading_size)
    lines: list[Line] = []
    table = 0
    for page, page_rows in rows:
        kept = [row for row in page_rows if not _is_margin(row, page, heading_size, repeated)]
        for column in _columns(kept):
            lines += _with_tables(column, page.number, table)
            table = max([table, *(line.table for line in lines[-len(column) :])])
    return lines


# --- Rows ---------------------------------------------------------------------------------------


def _rows(page: Page) -> list[Row]:
    """Words on the same height, from top to bottom, joined into cells."""
    rows: list[Row] = []
    for word in sorted(page.words, key=lambda word: -word.middle):
        last = rows[-1] if rows else None
        if last and abs(last[0].middle - word.middle) < 0.4 * min(last[0].size, word.size):
            last.append(word)
        else:
            rows.append([word])
    rows = [sorted(row, key=lambda word: word.x0) for row in rows]
    cells = [_cells(row) for row in rows]
    return [_cells(row, _edges_beside(cells, number)) for number, row in enumerate(rows)]


def _edges_beside(rows: Sequence[Row], number: int) -> list[float]:
    """Where columns begin in the rows next to one, after the first column: the widest cell of that
    may come as near to the next as words of a line do."""
    beside = rows[max(number - _ROWS_BESIDE, 0) : number + _ROWS_BESIDE + 1]
    return [cell.x0 for row in beside for cell in row[1:]]


def _cells(words: Row, edges: Sequence[float] = ()) -> Row:
    cells = [words[0]]
    for word in words[1:]:
        last = cells[-1]
        gap = word.x0 - last.x1
        if last.mono and word.mono:
            character = max(last.width / len(last.text), 1.0)
            cells[-1] = last.with_next(word, " " * max(round(gap / character), 1))
        elif gap < _CELL_GAP * max(word.size, last.size) and not (
            gap > _EDGE_GAP * word.size and any(abs(word.x0 - edge) < 1 for edge in edges)
        ):
            cells[-1] = last.with_next(word, " " if gap > 0.1 * word.size else "")
        else:
            cells.append(word)
    if len(cells) == 2 and _MARKER.fullmatch(cells[0].text):
        return [cells[0].with_next(cells[1], " ")]
    return cells


def _ordinary_size(pages: Sequence[Page]) -> float:
    sizes: Counter[float] = Counter()
    for word in (word for page in pages for word in page.words):
        sizes[round(2 * word.size) / 2] += len(word.text) * (not word.mono) + 1
    return max(sizes, key=lambda size: sizes[size], default=10.0)


def _repeated_texts(
    rows: Sequence[tuple[Page, list[Row]]], heading_size: float
) -> frozenset[_MarginText]:
    """What stands in the margin of at least half of the pages."""
    if len(rows) < 2:
        return frozenset()
    seen = Counter(
        text
        for page, page_rows in rows
        for text in {
            _margin_text(row, page, heading_size) for row in page_rows if _in_margin(row, page)
        }
    )
    return frozenset(text for text, count in seen.items() if count >= max(2, len(rows) / 2))


def _is_margin(row: Row, page: Page, heading_size: float, repeated: frozenset[_MarginText]) -> bool:
    if not _in_margin(row, page):
        return False
    is_number = re.fullmatch(r"(?:page )?#(?: ?(?:/|of) ?#)?|[ivxl]+", _numberless(row))
    return bool(is_number) or _margin_text(row, page, heading_size) in repeated


def _margin_text(row: Row, page: Page, heading_size: float) -> _MarginText:
    """Numbers aside, which count the pages; but those of a large line on top may be all that tells
    two headings apart."""
    is_on_top = row[0].middle > page.height / 2
    if is_on_top and len(row) == 1 and row[0].size >= heading_size:
        return True, row[0].text
    return False, _numberless(row)


def _in_margin(row: Row, page: Page) -> bool:
    return not _MARGIN < row[0].middle / page.height < 1 - _MARGIN


def _numberless(row: Row) -> str:
    return re.sub(r"\d+", "#", " ".join(cell.text for cell in row)).strip("-–—| ").lower()


# --- Columns ------------------------------------------------------------------------------------


def _columns(rows: list[Row]) -> Iterator[list[Row]]:
    """Rows split where text runs in columns side by side, in reading order."""
    for start, end, edge in _gutters(rows):
        left = [[cell for cell in row if cell.x0 < edge] for row in rows[start:end]]
        right = [[cell for cell in row if cell.x0 >= edge] for row in rows[start:end]]
        left, right = [row for row in left if row], [row for row in right if row]
        if _is_running_text(left) and _is_running_text(right):
            yield from _columns(rows[:start])
            yield from _columns(left)
            yield from _columns(right)
            yield from _columns(rows[end:])
            return
    if rows:
        yield rows


def _gutters(rows: Sequence[Row]) -> Iterator[tuple[int, int, float]]:
    """Runs of rows that nothing crosses at the left edge of a possible column."""
    edges = Counter(round(cell.x0 / 3) * 3 for row in rows for cell in row[1:])
    for edge, count in edges.most_common(6):
        if count < 3:
            return
        crossed = [any(c.x0 < edge - 2 and c.x1 > edge - 2 for c in row) for row in rows]
        place = 0
        for is_crossed, run in groupby(crossed):
            length = len(list(run))
            if not is_crossed and length >= 3:
                yield place, place + length, edge - 2
            place += length


def _is_running_text(rows: Sequence[Row]) -> bool:
    """Lines that mostly fill their column with words."""
    if len(rows) < 3:
        return False
    cells = [cell for row in rows for cell in row]
    width = max(cell.x1 for cell in cells) - min(cell.x0 for cell in cells)
    lengths = [len(cell.text.split()) for cell in cells]
    return median(cell.width for cell in cells) >= 0.6 * width and median(lengths) >= 4


# --- Tables -------------------------------------------------------------------------------------


def _with_tables(rows: Sequence[Row], page: int, tables_before: int) -> list[Line]:
    """The rows as lines; rows of a table get its number and one cell for each column."""
    lines: list[Line] = []
    place = 0
    while place < len(rows):
        end = _table_end(rows, place)
        if end > place:
            tables_before += 1
            lines += (Line(tuple(row), page, tables_before) for row in _table(rows[place:end]))
            place = end
        else:
            lines.append(Line(tuple(rows[place]), page))
            place += 1
    return lines


def _table_end(rows: Sequence[Row], start: int) -> int:
    """Where the table that begins at `start` ends; `start` itself when none does."""
    if len(rows[start]) < 2:
        return start
    end = start + 1
    while end < len(rows) and (len(rows[end]) > 1 or _continues(rows[start:end], rows[end])):
        end += 1
    while len(rows[end - 1]) < 2 and not _continues(rows[start : end - 1], rows[end - 1]):
        end -= 1
    full = [row for row in rows[start:end] if len(row) > 1]
    is_ruled_off = len(full) == 2 and all(cell.bold for cell in full[0]) and not full[1][0].bold
    return end if len(full) >= 3 or is_ruled_off else start


def _continues(above: Sequence[Row], row: Row) -> bool:
    """Whether a row with one cell goes on with a cell of the table above it."""
    gap = above[-1][0].y0 - row[0].y1
    if gap > 0.6 * row[0].size:
        return False
    return any(
        min(cell.x1, row[0].x1) - max(cell.x0, row[0].x0) > 0.5 * row[0].width
        for full in above
        if len(full) > 1
        for cell in full
    )


def _table(rows: Sequence[Row]) -> list[Row]:
    """Rows with one cell for each column; a continuation is joined to the row above."""
    columns = _column_bounds(rows)
    table: list[Row] = []
    for row in rows:
        placed = _placed(row, columns)
        if table and not placed[0].text and _is_near(table[-1], row):
            table[-1] = [_under(a, b) for a, b in zip(table[-1], placed, strict=True)]
        else:
            table.append(placed)
    return table


def _column_bounds(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Spans that cells share from row to row, told from rows of the most usual length."""
    usual = Counter(len(row) for row in rows if len(row) > 1)
    most = max(usual, key=lambda length: (usual[length], length))
    spans = sorted((cell.x0, cell.x1) for row in rows if len(row) == most for cell in row)
    bounds = [spans[0]]
    for x0, x1 in spans[1:]:
        if x0 < bounds[-1][1]:
            bounds[-1] = (bounds[-1][0], max(bounds[-1][1], x1))
        else:
            bounds.append((x0, x1))
    return bounds


def _placed(row: Row, columns: Sequence[tuple[float, float]]) -> Row:
    cells = [replace(row[0], text="", x0=x0, x1=x0) for x0, _ in columns]
    for cell in row:
        distances = [max(x0 - cell.x1, cell.x0 - x1) for x0, x1 in columns]
        nearest = distances.index(min(distances))
        cells[nearest] = _under(cells[nearest], cell)
    return cells


def _is_near(above: Row, row: Row) -> bool:
    return min(cell.y0 for cell in above) - row[0].y1 < 0.6 * row[0].size


def _under(above: Word, below: Word) -> Word:
    if not above.text or not below.text:
        return below if below.text else above
    return above.with_next(below, " ")
