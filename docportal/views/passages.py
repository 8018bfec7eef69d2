"""A passage as search and answers show it: what it says, where it stands, and its address."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from docportal.views.segments import Line, Mark, around, snippet
from ingestion.models import Chunk
from router.models import Answer, Citation


@dataclass(frozen=True, slots=True)
class Card:
    number: int
    title: str
    heading: str
    version: int
    created_at: datetime
    page: int | None
    url: str
    line: Line
    code: bool
    supports: bool = False
    replaced: bool = False
    """Since then a newer version is served, or none; the address still shows what the answer
    rested on."""
    older: bool = False
    """It was replaced already when it was found, for a question that asked for that version."""


def from_chunks(chunks: Iterable[Chunk], question: str) -> list[Card]:
    return [
        _card(number, chunk, snippet(chunk.text, question))
        for number, chunk in enumerate(chunks, start=1)
    ]


def from_citations(citations: Iterable[Citation], question: str, *, revision: int) -> list[Card]:
    """`revision` is that of the corpus from which was answered."""
    return [_from_citation(citation, question, revision) for citation in citations]


def _from_citation(citation: Citation, question: str, revision: int) -> Card:
    chunk, start, end = citation.chunk, citation.start, citation.end
    if start is None or end is None:
        return _card(
            citation.rank,
            chunk,
            snippet(chunk.text, question),
            revision=revision,
            supports=citation.supports,
        )
    return _card(
        citation.rank,
        chunk,
        around(chunk.text, start, end),
        revision=revision,
        mark=Mark(chunk.position, start, end),
        supports=citation.supports,
    )


def _card(
    number: int,
    chunk: Chunk,
    line: Line,
    *,
    revision: int | None = None,
    mark: Mark | None = None,
    supports: bool = False,
) -> Card:
    """`revision` is that of the corpus in which the passage was found, None: today's."""
    version = chunk.version
    withdrawn = version.withdrawn_revision
    since_then = revision is not None and withdrawn is not None and withdrawn > revision
    return Card(
        number=number,
        title=version.document.title,
        heading=chunk.heading,
        version=version.number,
        created_at=version.created_at,
        page=chunk.page,
        url=passage_url(chunk, mark),
        line=line,
        code=chunk.kind == Chunk.Kind.CODE,
        supports=supports,
        replaced=not version.is_served and since_then,
        older=not version.is_served and not since_then,
    )


def passage_url(chunk: Chunk, mark: Mark | None = None) -> str:
    """The address of the passage in its own version, where it stands for good."""
    version = chunk.version
    page = reverse("version", args=[version.document.slug, version.number])
    query = f"?mark={mark}" if mark else ""
    return f"{page}{query}#p{chunk.position}"


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of an answer and the number of the passage that it stands in, if it has one."""

    text: str
    number: int | None
    url: str = ""


def said(answer: Answer, cards: Iterable[Card]) -> list[Said]:
    """The answer's sentences, each with the address of its source."""
    urls = {card.number: card.url for card in cards}
    sentences = [] if answer.refused else answer.signals.get("sentences", [])
    return [
        Said(sentence["text"], sentence["passage"], urls.get(sentence["passage"], ""))
        for sentence in sentences
    ] or [Said(answer.text, None)]
