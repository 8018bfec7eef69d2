"""The client of the embedding server: any that speaks OpenAI's `/v1/embeddings`.

It embeds by two models: one for what a text is about, which finds passages, and one for what a
question asks, which tells whether another one asks the same.
"""

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
    """Texts to unit vectors, by the server of the settings and `model`, or else
    `settings.EMBEDDINGS_MODEL`, whose vectors have `settings.EMBEDDINGS_DIMENSION`.

    `batch` and `one` give arrays; the two methods of LangChain's interface give lists.
    All raise `EmbeddingsUnavailable`.
    """

    def __init__(self, model: str = "") -> None:
        self._model = model or settings.EMBEDDINGS_MODEL

    def batch(self, texts: list[str], *, seconds: float = BATCH_SECONDS) -> Vectors:
        """Shape (len(texts), dimension). `seconds` is for each `BATCH_SIZE` texts."""
        parts = [
            _request(self._model, texts[start : start + BATCH_SIZE], seconds)
            for start in range(0, len(texts), BATCH_SIZE)
        ]
        return np.concatenate(parts or [np.empty((0, settings.EMBEDDINGS_DIMENSION), np.float32)])

    def one(self, text: str) -> Vectors:
        """Shape (dimension,)."""
        vector: Vectors = _request(self._model, [text], QUESTION_SECONDS)[0]
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


def headers() -> dict[str, str]:
    """Of each request to that server: the key, and the trace that it belongs to."""
    return {"Authorization": f"Bearer {settings.EMBEDDINGS_API_KEY}", **tracing.headers()}


def _request(model: str, texts: list[str], seconds: float) -> Vectors:
    url = embeddings_url()
    if url is None:
        raise EmbeddingsUnavailable("No embedding server runs")
    body = {"model": model, "input": texts, "encoding_format": "base64"}
    dimension = settings.EMBEDDINGS_DIMENSION if model == settings.EMBEDDINGS_MODEL else -1
    timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
    try:
        response = client().post(
            f"{url.rstrip('/')}/embeddings", json=body, headers=headers(), timeout=timeout
        )
        response.raise_for_status()
        rows = sorted(response.json()["data"], key=lambda row: row["index"])
        raw = b"".join(base64.b64decode(row["embedding"], validate=True) for row in rows)
        vectors = np.frombuffer(raw, "<f4").reshape(len(texts), dimension)
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise EmbeddingsUnavailable(f"{url}: {error}") from error
    return _unit(vectors)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise EmbeddingsUnavailable("The embedding server gave vectors without a direction")
    unit: Vectors = (vectors / lengths).astype(np.float32)
    return unit
