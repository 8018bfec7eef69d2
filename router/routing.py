"""From what is found for a question to its draft: what is known of it, and who is to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ingestion import jobs, tracing
from ingestion.connections import release_connection
from ingestion.models import Reader
from router import provenance, retrieval, taught, tuned
from router.drafts import Draft
from router.evidence.sources import read_source
from router.intents import Intent, read_intent
from router.models import Query
from router.policy import RouteAsked, decide
from router.precedents import keeping as precedents
from router.precedents.choosing import sure
from router.precedents.finding import Findings, find
from router.relevance import Relevance
from router.tuned import ServedModel
from router.verification import unnamed
from router.versions import Read

if TYPE_CHECKING:
    from router.precedents.books import Book
    from router.retrieval.searching import SearchResult
    from router.signals import Signals
    from router.taught import Repertoire


# Of those that are found in the words of an earlier question.
MORE_PASSAGES = 3


@tracing.span("route")
def routed(
    query: Query,
    question: str,
    read: Read,
    route: RouteAsked,
    *,
    trials: bool = False,
    tuned_allowed: bool = True,
) -> Draft:
    """A draft with what is known about the passages to read, and the engine that is to answer.

    `question` is as it was understood. With `trials`, whom a canary is tried on is answered by it;
    unless `tuned_allowed` no tuned model answers.
    """
    found, asked = read.found, read.question or question
    intent = read_intent(question)
    # A route that was asked for is taken as it is.
    books = _books(query.user, read, intent) if route == "auto" else []
    findings = None
    if books and read.reading is None:
        found, findings = _found_as_before(asked, found, books, query.user)
    served, why_none = None, ""
    if route != "rag":
        served, why_none = _model(query.user, found, trials=trials, allowed=tuned_allowed)
    relevance = Relevance(asked, is_asked=found.vector is not None)
    signals = provenance.signals_of(served.name if served else "", found, relevance)
    being_read = 0 if found.hits else jobs.being_read(query.user)
    signals = replace(signals, why_no_model=why_none, being_read=being_read)
    judge = partial(
        decide,
        calibration=served.calibration if served else None,
        intent=intent,
        asked=route,
        reading=read.reading,
    )
    decision = judge(signals)
    missing = unnamed(asked, found.passages) if route == "auto" else ()
    # What the rules decide needs no closer look at the sentences.
    if findings is None and (missing or decision.is_open):
        findings = _findings(asked, found, books)
    if findings is not None:
        relevance.know(findings.forms)
    if findings is not None and (missing or decision.is_open):
        missing = findings.unnamed or (() if findings.leads else missing)
        if missing:
            signals = replace(signals, unnamed=missing, being_read=jobs.being_read(query.user))
        elif decision.is_open:
            release_connection()
            signals = _closer(signals, found, relevance, findings)
        decision = judge(signals)
    tracing.note(engine=decision.engine, rule=decision.rule.value, model=signals.model)
    return Draft(
        question=question,
        found=found,
        signals=signals,
        decision=decision,
        route_asked=route,
        served=served,
        of_version=read.question,
        repertoire=_repertoire(served, found),
        books=books,
        findings=findings,
        relevance=relevance,
    )


def _findings(asked: str, found: SearchResult, books: Sequence[Book]) -> Findings:
    release_connection()
    return find(asked, found.passages, found.collections, books)


def _found_as_before(
    asked: str, found: SearchResult, books: Sequence[Book], user: Reader
) -> tuple[SearchResult, Findings]:
    """What is found, with what is found in the words in which the same was asked before, as people
    have other words than documents; the last of the one give way to the first of the other. And
    what precedents make of the question beside these."""
    findings = _findings(asked, found, books)
    if not findings.worded:
        return found, findings
    again = retrieval.search(findings.worded, user=user, limit=MORE_PASSAGES)
    known = {hit.chunk.pk for hit in found.hits}
    new = [hit for hit in again.hits if hit.chunk.pk not in known]
    if not new:
        return found, findings
    kept = found.hits[: max(len(found.hits) - len(new), MORE_PASSAGES)]
    least = min(hit.score for hit in kept)
    new = [replace(hit, score=min(hit.score, least)) for hit in new]
    found = replace(found, hits=[*kept, *new], ms=found.ms + again.ms)
    return found, _findings(asked, found, books)


def _model(
    user: Reader, found: SearchResult, *, trials: bool, allowed: bool
) -> tuple[ServedModel | None, str]:
    """The tuned model that may answer about what is found, or why there is none."""
    if not allowed:
        return None, "No tuned model is to be asked."
    hashes = [hit.chunk.content_hash for hit in found.hits]
    served = tuned.answering(user, hashes, trials=trials)
    return served, "" if served else tuned.why_none(user)


def _repertoire(served: ServedModel | None, found: SearchResult) -> Repertoire | None:
    """What the model was taught. Where the search got no vector, no server of vectors is waited for
    again."""
    if served is None or found.vector is None:
        return None
    return taught.repertoire_of(served.name)


def _closer(
    signals: Signals, found: SearchResult, relevance: Relevance, findings: Findings
) -> Signals:
    """With the sentence that answered such a question before, if that is sure and the model was
    taught it; else with what is likely of all sentences, which takes a hundred readings."""
    lead = sure(findings.leads)
    if lead is not None:
        sentence = read_source(found.passages[lead.passage]).number_of(lead.sentence[0])
        if signals.grounds[lead.passage].has_kept(sentence):
            return replace(signals, best=lead.passage, precedent=lead.question)
    return provenance.looked_at(signals, found, relevance)


def _books(user: Reader, read: Read, intent: Intent) -> list[Book]:
    """None for what is no question, has no passages or is about several things: a precedent answers
    for one. None as well where the search got no vector, so that no server of vectors is waited for
    again."""
    is_several = intent is Intent.SEVERAL and read.reading is None
    is_missing = read.reading is not None and bool(read.reading.missing)
    found = read.found
    if intent is Intent.GREETING or is_several or is_missing or not found.hits:
        return []
    return precedents.books_for(user, found.collections) if found.vector is not None else []
