"""The passage that holds the right answer to a question, as the documents stand now."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from django.db.models import OuterRef, Subquery

from ingestion.models import Chunk, DocumentVersion
from router.prompts import passage_of
from router.verification import verify
from training.models import EvaluationItem, QAPair

if TYPE_CHECKING:
    from router.retrieval.searching import Hit

Fact = tuple[int | None, str]
"""The ids of a document and of a fact in it."""


def passages_of_facts(items: Collection[EvaluationItem]) -> Mapping[Fact, Chunk]:
    """The served passages behind the facts that are asked for; a changed one is left out.

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
    found = {
        (document, fact): chunk
        for document, fact, chunk in pairs.annotate(
            chunk=Subquery(served.order_by("position").values("pk")[:1])
        ).values_list("document", "fact_id", "chunk")
        if chunk is not None
    }
    chunks = Chunk.objects.in_bulk(set(found.values()))
    return {fact: chunks[chunk] for fact, chunk in found.items()}


def passage_saying(answer: str, question: str, hits: Sequence["Hit"]) -> Chunk | None:
    """The one among `hits` that bears the answer out, by the check that all answers pass."""
    support = verify(question, answer, [passage_of(hit.chunk) for hit in hits])
    return hits[support.span[0]].chunk if support.span else None
