"""How likely sentences answer a question, as far as anybody can say."""

import pytest
from pytest_django import Settings

from router.prompts import Passage
from router.relevance import Relevance
from router.verification import Support

PORT = "The harbour service listens on port 8080."
PASSAGES = [
    Passage("Harbour", "Network", f"{PORT} It answers within 300 ms."),
    Passage("Harbour", "Owner", "The Lighthouse team owns the harbour service."),
]
SPAN = (0, 0, len(PORT))


@pytest.mark.models
def test_each_sentence_is_scored_once(embedding_server: str, settings: Settings) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    relevance = Relevance("Which port does the harbour service listen on?")
    likely = relevance.of(PASSAGES)
    alone = relevance.alone(PASSAGES, SPAN)
    assert max(likely, key=likely.__getitem__) == (0, 0)
    # Who is scored beside others is padded, and differs in the last digits.
    assert alone == pytest.approx(Relevance(relevance.question).alone(PASSAGES, SPAN), abs=1e-6)
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    assert relevance.of(PASSAGES) == likely
    assert relevance.alone(PASSAGES, SPAN) == alone
    assert relevance.of([Passage("Harbour", "", "Another sentence.")]) == {}


@pytest.mark.models
def test_evidence_is_the_words_or_the_likelihood_and_none_where_it_is_unlikely(
    embedding_server: str, settings: Settings
) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    supported = Support(True, span=SPAN, score=0.2)
    port = Relevance("Which port does the harbour service listen on?")
    likely = port.alone(PASSAGES, SPAN)
    assert likely is not None
    assert likely > supported.score
    assert port.evidence(PASSAGES, supported) == likely
    assert Relevance("Who founded the company?").evidence(PASSAGES, supported) is None


def test_nobody_doubts_it_while_nothing_is_reranked(settings: Settings) -> None:
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    for relevance in (Relevance("Which port?"), Relevance("Which port?", is_asked=False)):
        assert relevance.of(PASSAGES) == {}
        assert relevance.alone(PASSAGES, SPAN) is None
        assert relevance.evidence(PASSAGES, Support(True, span=SPAN, score=0.2)) == 0.2
