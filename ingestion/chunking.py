"""Elements become passages: small enough to embed, whole enough to read alone. Pure.

A passage never crosses a heading, so an edit in one section leaves the hashes of the others.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from ingestion.elements import Element, ElementKind, ParsedDocument

MAX_TOKENS = 200
"""Of a passage's text. The embedding model reads 256, of which the title and the headings that
are put in front of the text take the rest."""

MAX_CHARACTERS_PER_TOKEN = 20
"""A word of a thousand letters is one unknown token to the model, but not a small text."""

MAX_LANGUAGE = 30
"""Characters, as many as are stored. Some write the name of a file behind a fence."""

CountTokens = Callable[[str], int]
Fits = Callable[[str], bool]


class ChunkKind(StrEnum):
    PROSE = "prose"
    LIST = "list"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    kind: ChunkKind
    heading_path: tuple[str, ...]
    """Outermost first; without the document's title where that is the first heading."""
    page: int | None
    language: str
    text: str
    tokens: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class _Section:
    heading_path: tuple[str, ...]
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block, or a part of one that was too large."""

    element: Element
    text: str
    starts_block: bool


def chunk(
    document: ParsedDocument, *, count_tokens: CountTokens, max_tokens: int = MAX_TOKENS
) -> list[ChunkDraft]:
    """The passages of a document, in order: all its text, and none of it twice.

    A table's rows stay together, one on a line; code stays alone. Blocks are split only when
    they are larger than `max_tokens`: prose at lines, sentences, then words; code at lines. A
    heading without any text below it becomes a passage of its own, lest its words be lost.
    """

    def fits(text: str) -> bool:
        too_long = len(text) > MAX_CHARACTERS_PER_TOKEN * max_tokens
        return not too_long and count_tokens(text) <= max_tokens

    return [
        _draft(section.heading_path, pieces, count_tokens)
        for section in _sections(document)
        for group in _groups(section.elements)
        for pieces in _packed(group, fits)
    ]


def content_hash(kind: str, heading_path: Sequence[str], text: str) -> str:
    """Names a passage by what it says: SHA-256 of kind, headings and text in NFC, with white
    space folded except in code."""
    body = text if kind == ChunkKind.CODE else _folded(text)
    parts = [kind, *(_folded(heading) for heading in heading_path), body]
    named = unicodedata.normalize("NFC", "\x1f".join(parts))
    return hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()


def _folded(text: str) -> str:
    return " ".join(text.split())


def _sections(document: ParsedDocument) -> Iterator[_Section]:
    """Runs of blocks under the same headings; a heading with nothing below it holds itself."""
    path: list[Element] = []
    blocks: list[Element] = []
    elements = document.elements
    for place, element in enumerate(elements):
        if element.kind is not ElementKind.HEADING:
            blocks.append(element)
            continue
        if blocks:
            yield _Section(_heading_path(path, document.title), tuple(blocks))
            blocks = []
        path = [above for above in path if above.level < element.level] + [element]
        below = elements[place + 1] if place + 1 < len(elements) else None
        is_bare = below is None or (
            below.kind is ElementKind.HEADING and below.level <= element.level
        )
        if is_bare:
            heading_path = _heading_path(path, document.title)
            yield _Section(heading_path, (_as_prose(element),))
    if blocks:
        yield _Section(_heading_path(path, document.title), tuple(blocks))


def _heading_path(path: Sequence[Element], title: str) -> tuple[str, ...]:
    texts = tuple(element.text for element in path)
    return texts[1:] if texts and _folded(texts[0]) == _folded(title) else texts


def _as_prose(heading: Element) -> Element:
    return Element(ElementKind.PROSE, heading.text, page=heading.page)


def _groups(elements: Iterable[Element]) -> Iterator[list[Element]]:
    """Blocks that may share a passage: prose with lists, rows of one table, or one code block."""
    number = 0

    def key(element: Element) -> tuple[str, int, int | None]:
        nonlocal number
        if element.kind is ElementKind.CODE:
            number += 1
            return ("code", number, element.page)
        if element.kind is ElementKind.TABLE_ROW:
            return ("table", element.table, None)
        return ("text", 0, element.page)

    for _, group in groupby(elements, key):
        yield list(group)


def _packed(group: Iterable[Element], fits: Fits) -> Iterator[list[_Piece]]:
    """Fills passages with blocks up to the size."""
    filled: list[_Piece] = []
    for element in group:
        for piece in _pieces(element, fits):
            if filled and not fits(_joined([*filled, piece])):
                yield filled
                filled = []
            filled.append(piece)
    if filled:
        yield filled


def _pieces(element: Element, fits: Fits) -> Iterator[_Piece]:
    boundaries = _BOUNDARIES.get(element.kind, _PROSE_BOUNDARIES)
    starts_block = True
    for text in _cut(_rendered(element), boundaries, fits):
        if text.strip():
            yield _Piece(element, text, starts_block)
            starts_block = False


def _rendered(element: Element) -> str:
    if element.kind is not ElementKind.LIST_ITEM or re.match(r"\(?\w{1,3}[.)]\s", element.text):
        return element.text
    return f"{'  ' * (element.level - 1)}- {element.text}"


# Places to cut at, best first; the text itself is never changed.
_LINES, _WORDS = r"(?<=\n)", r"(?<=\s)"
_SENTENCES = r"(?<=[.!?…]\s)|(?<=[。！？])"
_CELLS = r"(?<=;\s)"
_PROSE_BOUNDARIES = (_LINES, _SENTENCES, _WORDS)
_BOUNDARIES = {
    ElementKind.CODE: (_LINES, _WORDS),
    ElementKind.TABLE_ROW: (_CELLS, _SENTENCES, _WORDS),
}


def _cut(text: str, boundaries: Sequence[str], fits: Fits) -> Iterator[str]:
    """Parts that fit, as large as the boundaries allow, together the whole text."""
    if fits(text):
        yield text
        return
    if not boundaries:
        yield from _hard_cut(text, fits)
        return
    filled = ""
    for part in re.split(boundaries[0], text):
        if fits(filled + part):
            filled += part
            continue
        if filled:
            yield filled
        *whole, filled = _cut(part, boundaries[1:], fits)
        yield from whole
    if filled:
        yield filled


def _hard_cut(text: str, fits: Fits) -> Iterator[str]:
    """For a word that is larger than a passage."""
    while text:
        low, high = 1, len(text)  # the longest start that fits; one character at least
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(text[:middle]) else (low, middle - 1)
        yield text[:low]
        text = text[low:]


def _draft(
    heading_path: tuple[str, ...], pieces: Sequence[_Piece], count_tokens: CountTokens
) -> ChunkDraft:
    first = pieces[0].element
    kind = _kind_of(pieces)
    text = _joined(pieces)
    return ChunkDraft(
        kind=kind,
        heading_path=heading_path,
        page=first.page,
        language=first.language[:MAX_LANGUAGE],
        text=text,
        tokens=count_tokens(text),
        content_hash=content_hash(kind, heading_path, text),
    )


def _kind_of(pieces: Sequence[_Piece]) -> ChunkKind:
    kinds = [piece.element.kind for piece in pieces]
    if kinds[0] is ElementKind.CODE:
        return ChunkKind.CODE
    if kinds[0] is ElementKind.TABLE_ROW:
        return ChunkKind.TABLE
    items = kinds.count(ElementKind.LIST_ITEM)
    return ChunkKind.LIST if 2 * items > len(kinds) else ChunkKind.PROSE


def _joined(pieces: Sequence[_Piece]) -> str:
    """Rows and list items on lines of their own, other blocks with an empty line between."""
    text = ""
    for piece in pieces:
        if text:
            is_line = piece.element.kind in (ElementKind.TABLE_ROW, ElementKind.LIST_ITEM)
            text += ("\n" if is_line else "\n\n") if piece.starts_block else " "
        text += piece.text
    return text.strip("\n").rstrip()
