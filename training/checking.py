"""What an asker would be shown of a model's answers: those that the current passages bear out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ingestion.models import Reader
from router import retrieval
from router.engines import BREAK_SECONDS
from router.relevance import Relevance
from router.services import SHOWN_PASSAGES
from router.taught import Taught, support_of
from router.verification import Support
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

    Raises what `check` raises, and `EmbeddingsUnavailable`.
    """
    outcome = {}
    for question in questions:
        check()
        said = answers[question.id].answer
        found = look_for(question.question, reader)
        outcome[question.id] = support_of_said(question.question, said, found) is not None
    return outcome


def look_for(question: str, reader: Reader) -> SearchResult:
    """What `reader` would be shown of the passages. A server that fails once may be busy.

    Raises `EmbeddingsUnavailable`, since by words alone other passages are found.
    """
    # The web process, which shows what was measured, starts without the client's libraries.
    from router.retrieval.embeddings import EmbeddingsUnavailable

    for pause in (BREAK_SECONDS, 0.0):
        found = retrieval.search(question, user=reader, limit=SHOWN_PASSAGES)
        if not found.degraded:
            return found
        time.sleep(pause)
    raise EmbeddingsUnavailable("By words alone other passages are found than people find.")


def evidence_for(
    said: str, found: SearchResult, taught: Taught | None, relevance: Relevance
) -> float | None:
    """How well the passages bear out an answer, as it is held to when it is shown unread; None for
    one that would not be shown. `taught` is the nearest question that the model was taught,
    `relevance` that to the question which is answered."""
    support = support_of_said(relevance.question, said, found, taught)
    if support is None:
        return None
    return relevance.evidence(found.passages, support)


def support_of_said(
    question: str, said: str, found: SearchResult, taught: Taught | None = None
) -> Support | None:
    """What bears an answer out; None for one that nothing does, and for a refusal."""
    if is_refusal(said):
        return None
    passages = found.passages
    hashes = [hit.chunk.content_hash for hit in found.hits]
    support = support_of(question, said, passages, hashes=hashes, taught=taught)
    return support if support.supported else None
