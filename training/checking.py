"""What an asker would be shown of a model's answers: those that the current passages bear out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ingestion.models import Reader
from router import retrieval
from router.drafting import passage_of
from router.services import SHOWN_PASSAGES
from router.taught import Taught, support_of
from training.asking import Said
from training.metrics import is_refusal
from training.process import Check
from training.rows import Question

if TYPE_CHECKING:
    from router.retrieval.searching import SearchResult


def borne_out(
    questions: Sequence[Question], answers: Mapping[int, Said], *, reader: Reader, check: Check
) -> dict[int, bool]:
    """By the question's id, whether its answer would be shown to `reader`; a refusal is not one.

    Raises what `check` raises.
    """
    outcome = {}
    for question in questions:
        check()
        said = answers[question.id].answer
        found = look_for(question.question, reader)
        outcome[question.id] = evidence_of(question.question, said, found) is not None
    return outcome


def look_for(question: str, reader: Reader) -> SearchResult:
    """What `reader` would be shown of the passages."""
    return retrieval.search(question, user=reader, limit=SHOWN_PASSAGES)


def evidence_of(
    question: str, said: str, found: SearchResult, taught: Taught | None = None
) -> float | None:
    """The score of an answer that the passages bear out; None for another, and for a refusal.

    `taught` is the nearest question that the model was taught, where that is known already.
    """
    if is_refusal(said):
        return None
    passages = [passage_of(hit) for hit in found.hits]
    hashes = [hit.chunk.content_hash for hit in found.hits]
    support = support_of(question, said, passages, hashes=hashes, taught=taught)
    return support.score if support.supported else None
