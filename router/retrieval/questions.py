"""Vectors of questions that are compared with each other, such as on a page of all of them."""

from collections.abc import Sequence

import numpy as np

from router.retrieval.embeddings import EmbeddingsUnavailable, ServerEmbeddings, Vectors

# For each batch: somebody waits for a page.
SECONDS = 5.0


class QuestionVectors:
    """Embeds what the last call has not: a page that is looked at again asks for much the same."""

    def __init__(self) -> None:
        self._known: dict[str, Vectors] = {}

    def of(self, texts: Sequence[str]) -> Vectors | None:
        """Shape (len(texts), dimension), of unit length; None if no embedding server answers."""
        known = self._known
        new = list(dict.fromkeys(text for text in texts if text not in known))
        try:
            embedded = ServerEmbeddings().batch(new, seconds=SECONDS)
        except EmbeddingsUnavailable:
            return None
        known = known | dict(zip(new, embedded, strict=True))
        self._known = {text: known[text] for text in texts}
        return np.stack([known[text] for text in texts]) if texts else embedded


question_vectors = QuestionVectors()
