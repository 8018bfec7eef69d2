"""The client of the reranker: `/v1/rerank` of the embedding server, as Cohere, Jina and vLLM have
it."""

import httpx
from django.conf import settings

from router.retrieval.embeddings import CONNECT_SECONDS, QUESTION_SECONDS, client, headers
from router.serving import embeddings_url

# With these a server says that it has no `/rerank`, or not this model.
_HAS_NONE = (404, 405, 501)


class RerankerUnavailable(Exception):
    """No server reranks, or it answers with something else than a score for each text."""


class NoReranker(RerankerUnavailable):
    """The server has none, so that nothing has failed."""


def relevance(question: str, texts: list[str]) -> list[float]:
    """How surely each text answers the question, between 0 and 1. Raises `RerankerUnavailable`, of
    a server without a reranker `NoReranker`."""
    url = embeddings_url()
    if url is None:
        raise RerankerUnavailable("No embedding server runs")
    body = {"model": settings.RERANKER_MODEL, "query": question, "documents": texts}
    timeout = httpx.Timeout(QUESTION_SECONDS, connect=CONNECT_SECONDS)
    try:
        response = client().post(
            f"{url.rstrip('/')}/rerank", json=body, headers=headers(), timeout=timeout
        )
        if response.status_code in _HAS_NONE:
            raise NoReranker(f"{url}: {response.status_code}")
        response.raise_for_status()
        scores = {row["index"]: float(row["relevance_score"]) for row in response.json()["results"]}
        return [min(max(0.0, scores[index]), 1.0) for index in range(len(texts))]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise RerankerUnavailable(f"{url}: {error}") from error
