"""How likely sentences answer a question, as far as anybody can say."""

import pytest
from pytest_django import Settings

from router.prompts import Passage
from router.quoting import texts_of
from router.relevance import Relevance
from router.verification import Support
from tests.router.retrieval.hashed_words import HashedWords

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


def test_a_server_that_fails_is_waited_for_once(embedder: HashedWords) -> None:
    """This one reranks nothing."""
    relevance = Relevance("Which port?")
    assert relevance.of(PASSAGES) == {}
    assert relevance.alone(PASSAGES, SPAN) is None
    assert relevance.evidence(PASSAGES, Support(True, span=SPAN, score=0.2)) == 0.2
    assert len(embedder.keys) == 1


@pytest.mark.parametrize(("status", "has_failed"), [(404, False), (500, True), (429, True)])
def test_a_server_without_a_reranker_has_not_failed(
    embedder: HashedWords, status: int, has_failed: bool
) -> None:
    embedder.reranks = status
    relevance = Relevance("Which port?")
    assert relevance.of(PASSAGES) == {}
    assert relevance.has_failed == has_failed


@pytest.mark.parametrize(("likely", "looked_at"), [(0, 1), (1, 3), (2, 3), (4, 5), (None, 5)])
def test_more_passages_are_looked_at_while_none_has_a_likely_sentence(
    likely: int | None, looked_at: int
) -> None:
    passages = [Passage("Harbour", "", f"The harbour has {n} piers.") for n in range(6)]
    texts = texts_of(passages)
    scores = {text: 0.99 if text.endswith(f"{likely} piers.") else 0.01 for text in texts}
    relevance = Relevance("How many piers?", is_asked=False, _scores=scores)
    assert {passage for passage, _ in relevance.among(passages, 1, 3, 5)} == set(range(looked_at))
