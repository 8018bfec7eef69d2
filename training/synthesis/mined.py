"""What mining reads and what it finds. Pure data: no ORM."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MinedFrom:
    """A passage with what surrounds it; the fields of a chunk and of its document."""

    title: str
    path: str
    heading_path: tuple[str, ...]
    """Outermost first, without the title."""
    kind: str
    """prose, list, table or code"""
    language: str
    """Of code; may be empty."""
    text: str
    names: frozenset[str] = frozenset()
    """Words that title and text of the document write as names."""
    opening: str = ""
    """The document's first passage, which says what its subject is."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a passage says, and how people may ask for it.

    `text[start:end]` of the passage is the evidence: the row, line or sentence that holds the
    answer. Only the items of a list that stands on several lines are joined by commas.
    """

    questions: tuple[str, ...]
    """Different phrasings, the best one first."""
    answer: str
    start: int
    end: int
    key: str
    """SHA-256 of subject, attribute and evidence: the same fact has the same key."""
    narrowed: tuple[str, ...] = ()
    """The same questions with the section named as well, for those that another passage answers
    differently."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value with the words that stand for it: a cell, an entry, a setting.

    It is said of the passage's subject or, where `entity` is given, of that: the name in a row.
    """

    label: str
    answer: str
    start: int
    end: int
    entity: str = ""
    kind_of_entity: str = ""
    """The header above the entity, such as `Parameter`."""
    condition: str = ""
    """Where or when it holds: `Production`."""
    key: str = ""
    """As written in a file: `server.request_timeout_ms`."""
