"""What an asker would be shown of a model's answers: those that the current passages bear out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.models import Reader
from router import retrieval
from router.engines import BREAK_SECONDS
from router.evidence.objections import REFUTATIONS
from router.precedents.finding import Findings, find
from router.precedents.holding import choice_of, says, why_of_others
from router.precedents.keeping import books_for
from router.relevance import Relevance
from router.services import SHOWN_PASSAGES
from router.taught import Taught, support_of
from training.asking import Said
from training.metrics import is_refusal
from training.process import Check
from training.rows import Question

if TYPE_CHECKING:
    from router.retrieval.searching import SearchResult


@dataclass(frozen=True, slots=True)
class Borne:
    """How well the passages bear out an answer that would be shown unread, 0 to 1. `by_precedent`:
    questions like it were answered so, and it would be the answer if no model was asked."""

    evidence: float
    by_precedent: bool = False


Relevances = dict[str, Relevance]
"""What the reranker has said so far of each question: a model is judged and calibrated by the same
ones, of which it reads every sentence."""


def relevance_to(question: str, known: Relevances) -> Relevance:
    """What is known, to which more is added; begun anew where the reranker failed."""
    if question not in known or known[question].has_failed:
        known[question] = Relevance(question)
    return known[question]


def borne_out(
    questions: Sequence[Question],
    answers: Mapping[int, Said],
    *,
    reader: Reader,
    known: Relevances,
    check: Check,
) -> dict[int, bool]:
    """By the question's id, whether its answer would be shown to `reader`; a refusal is not one.

    Raises what `check` raises, and `EmbeddingsUnavailable`.
    """
    outcome = {}
    for question in questions:
        check()
        said, relevance = answers[question.id].answer, relevance_to(question.question, known)
        found = look_for(question.question, reader)
        findings = precedents_for(question.question, found, reader)
        outcome[question.id] = evidence_for(said, found, None, relevance, findings) is not None
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


def precedents_for(question: str, found: SearchResult, reader: Reader) -> Findings:
    """What precedents make of a question that is held out: as if it was no precedent itself."""
    books = books_for(reader, found.collections)
    return find(question, found.passages, found.collections, books, is_new=True)


def evidence_for(
    said: str,
    found: SearchResult,
    taught: Taught | None,
    relevance: Relevance,
    findings: Findings,
) -> Borne | None:
    """How well an answer is borne out, as it is held to when it is shown unread; None for one that
    would not be shown, and for a refusal.

    `taught` is the nearest question that the model was taught, `relevance` that to the question
    which is answered, and `findings` what precedents make of it.
    """
    if is_refusal(said):
        return None
    passages = found.passages
    hashes = [hit.chunk.content_hash for hit in found.hits]
    support = support_of(relevance.question, said, passages, hashes=hashes, taught=taught)
    choice = choice_of(findings, passages, relevance)
    if choice is not None and choice.is_answer and support.problem not in REFUTATIONS:
        is_theirs = says(said, choice.lead.value(passages))
        return Borne(1.0, by_precedent=True) if is_theirs else None
    if not support.supported:
        return None
    if why_of_others(findings, found, relevance, said, support):
        return None
    evidence = relevance.evidence(passages, support)
    return None if evidence is None else Borne(evidence)
