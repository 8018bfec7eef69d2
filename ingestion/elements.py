"""The plain form between a parsed file and its chunks. Pure data: no ORM, no parser."""

from dataclasses import dataclass
from enum import StrEnum


class ElementKind(StrEnum):
    HEADING = "heading"
    PROSE = "prose"
    LIST_ITEM = "list_item"
    TABLE_ROW = "table_row"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Element:
    """One block of a document, in reading order.

    A table row is text that carries its headers, such as `Team: Billing; Budget: 400 EUR`, so it
    can be read alone. `table` numbers the tables of a document from 1, to keep their rows
    together. Code keeps its line breaks and indentation.
    """

    kind: ElementKind
    text: str
    level: int = 0
    """Heading: 1 to 6. List item: depth from 1. Else 0."""
    page: int | None = None
    """PDF: from 1."""
    language: str = ""
    table: int = 0


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """`title` is empty where the file does not say one."""

    title: str
    elements: tuple[Element, ...]
