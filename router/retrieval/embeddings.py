"""The client of the embedding server: any that speaks OpenAI's `/v1/embeddings`."""

import base64
from functools import cache

import httpx
import numpy as np
from django.conf import settings
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from ingestion import tracing
from router.serving import embeddings_url

BATCH_SIZE = 128
CONNECT_SECONDS = 2.0
QUESTION_SECONDS = 5.0
BATCH_SECONDS = 300.0

Vectors = NDArray[np.float32]


class EmbeddingsUnavailable(Exception):
    """No embedding server answers, or it answers with something else than vectors."""


class ServerEmbeddings(Embeddings):
    """Texts to unit vectors of `settings.EMBEDDINGS_DIMENSION`, by the server of the settings.

    `batch` and `one` give arrays; the two methods of LangChain's interface give lists.
    All raise `EmbeddingsUnavailable`.
    """

    def batch(self, texts: list[str], *, seconds: float = BATCH_SECONDS) -> Vectors:
        """Shape (len(texts), dimension). `seconds` is for each `BATCH_SIZE` texts."""
        parts = [
            _request(texts[start : start + BATCH_SIZE], seconds)
            for start in range(0, len(texts), BATCH_SIZE)
        ]
        return np.concatenate([np.empty((0, settings.EMBEDDINGS_DIMENSION), np.float32), *parts])

    def one(self, text: str) -> Vectors:
        """Shape (dimension,)."""
        vector: Vectors = _request([text], QUESTION_SECONDS)[0]
        return vector

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = self.batch(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        row: list[float] = self.one(text).tolist()
        return row


@cache
def client() -> httpx.Client:
    """One for the process, so that connections are kept; safe between threads."""
    return httpx.Client(transport=httpx.HTTPTransport(retries=1), trust_env=False)


def _request(texts: list[str], seconds: float) -> Vectors:
    url = embeddings_url()
    if url is None:
        raise EmbeddingsUnavailable("No embedding server runs")
    body = {"model": settings.EMBEDDINGS_MODEL, "input": texts, "encoding_format": "base64"}
    timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
    try:
        response = client().post(
            f"{url.rstrip('/')}/embeddings", json=body, headers=tracing.headers(), timeout=timeout
        )
        response.raise_for_status()
        rows = sorted(response.json()["data"], key=lambda row: row["index"])
        raw = b"".join(base64.b64decode(row["embedding"], validate=True) for row in rows)
        vectors = np.frombuffer(raw, "<f4").reshape(len(texts), settings.EMBEDDINGS_DIMENSION)
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise EmbeddingsUnavailable(f"{url}: {error}") from error
    return _unit(vectors)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise EmbeddingsUnavailable("The embedding server gave vectors without a direction")
    unit: Vectors = (vectors / lengths).astype(np.float32)
    return unit
