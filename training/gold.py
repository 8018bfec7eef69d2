"""The words that hold the right answer to a question, as the documents stand now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import OuterRef, Subquery

from ingestion.models import Chunk, DocumentVersion
from router.prompts import passage_of
from router.text import sentences
from router.verification import verify
from training.evidence import Source, Span, answers
from training.models import EvaluationItem, QAPair

if TYPE_CHECKING:
    from router.retrieval.searching import Hit

Fact = tuple[int | None, str]
"""The ids of a document and of a fact in it."""


@dataclass(frozen=True, slots=True)
class Gold:
    """A passage, and the words of it that hold a right answer."""

    chunk: Chunk
    span: Span

    @property
    def sentences(self) -> list[int]:
        """The numbers of those that have the words, from 0."""
        start, end = self.span
        spans = enumerate(sentences(self.chunk.text))
        return [number for number, (first, last) in spans if first < end and start < last]


def gold_of_facts(items: Collection[EvaluationItem]) -> Mapping[Fact, Gold]:
    """Where the facts that are asked for are served; one in a changed passage is left out.

    Two queries.
    """
    served = Chunk.objects.filter(
        version__in=DocumentVersion.objects.served(),
        version__document=OuterRef("document"),
        content_hash=OuterRef("content_hash"),
    )
    pairs = QAPair.objects.filter(
        document__in={item.document_id for item in items},
        fact_id__in={item.fact_id for item in items} - {""},
    )
    told = pairs.annotate(chunk=Subquery(served.order_by("position").values("pk")[:1]))
    fields = ("document", "fact_id", "chunk", "answer", "start", "end")
    found = {
        (document, fact): (chunk, answer, (start, end))
        for document, fact, chunk, answer, start, end in told.values_list(*fields)
        if chunk is not None
    }
    chunks = Chunk.objects.in_bulk({chunk for chunk, *_ in found.values()})
    return {
        fact: Gold(chunks[chunk], _place(chunks[chunk], answer, evidence))
        for fact, (chunk, answer, evidence) in found.items()
    }


def _place(chunk: Chunk, answer: str, evidence: Span) -> Span:
    """Of the answer in its evidence, which may be several sentences; of all of that, if it is told
    there in other words."""
    source = Source(chunk.content_hash, chunk.text)
    return next(answers(source, answer, *evidence), evidence)


def gold_saying(answer: str, question: str, hits: Sequence["Hit"]) -> Gold | None:
    """The sentence among `hits` that bears the answer out, by the check that all answers pass."""
    support = verify(question, answer, [passage_of(hit.chunk) for hit in hits])
    if support.span is None:
        return None
    place, start, end = support.span
    return Gold(hits[place].chunk, (start, end))
