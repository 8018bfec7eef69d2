"""What an asker would be shown of a model's answers: those that the current passages bear out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ingestion.models import Reader
from router import retrieval
from router.services import SHOWN_PASSAGES
from router.verification import verify
from router.writing import passage_of
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
        outcome[question.id] = not is_refusal(said) and is_borne_out(
            question.question, said, look_for(question.question, reader)
        )
    return outcome


def look_for(question: str, reader: Reader) -> SearchResult:
    """What `reader` would be shown of the passages."""
    return retrieval.search(question, user=reader, limit=SHOWN_PASSAGES)


def is_borne_out(question: str, said: str, found: SearchResult) -> bool:
    return verify(question, said, [passage_of(hit) for hit in found.hits]).supported
