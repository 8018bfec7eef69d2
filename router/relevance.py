"""How likely each sentence of the passages answers a question, as the reranker sees them.

Several steps of an answer ask that, of passages together or of one alone. The reranker reads every
sentence by itself, so each is scored once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings

from ingestion import tracing
from router.asked_forms import AskedForms, asks_for_value, forms_by
from router.precedents.frames import without_names
from router.precedents.leads import subject_of
from router.quoting import BELIEVED, Likelihoods, likelihood_at, likelihoods, texts_of

if TYPE_CHECKING:
    from router.prompts import Passage
    from router.verification import Support

# A sentence beyond it is likelier the answer than not.
EVEN = 0.5

Span = tuple[int, int, int]
"""A sentence: the number of its passage, from 0, and its start and end there."""


@dataclass(slots=True)
class Relevance:
    """Of the sentences to one question; nobody knows anything while nothing is reranked.

    `is_asked`: a server may be asked. Where a search got no vector, or the reranker has failed,
    none is waited for again. `has_failed`: it did, so that less is known than of other questions;
    a server without a reranker does not.
    """

    question: str
    is_asked: bool = True
    has_failed: bool = False
    _scores: dict[str, float] = field(default_factory=dict)
    _forms: AskedForms | None = None
    _has_asked_forms: bool = False

    @tracing.span("quote")
    def of(self, passages: Sequence[Passage]) -> Likelihoods:
        """How likely each sentence is the answer, among all of them."""
        texts = texts_of(passages)
        if not self._has_scored(texts):
            return {}
        scores = [self._scores[text] for text in texts]
        return likelihoods(self.question, passages, scores, self.forms(passages))

    def forms(self, passages: Sequence[Passage]) -> AskedForms | None:
        """The forms that the answer may have; the passages' titles tell what is a name. None:
        nobody knows."""
        if not self._has_asked_forms and self.is_asked:
            self._has_asked_forms = True
            self._forms = _forms_asked_by(self.question, passages)
        return self._forms

    def know(self, forms: AskedForms | None) -> None:
        """Take the forms that somebody has found out before."""
        if forms is not None and not self._has_asked_forms:
            self._has_asked_forms, self._forms = True, forms

    def among(self, passages: Sequence[Passage], *steps: int) -> Likelihoods:
        """Of the sentences of so many of the first passages as the first step says; of as many as
        the next one says where none of these is likelier the answer than not, and so on."""
        likely: Likelihoods = {}
        for step in steps:
            likely = self.of(passages[:step])
            if not likely or max(likely.values()) > EVEN:
                break
        return likely

    def alone(self, passages: Sequence[Passage], span: Span) -> float | None:
        """How likely the sentence at a span is the answer, of its passage alone; None: unknown."""
        passage = [passages[span[0]]]
        return likelihood_at(passage, self.of(passage), (0, *span[1:]))

    def evidence(self, passages: Sequence[Passage], support: Support) -> float | None:
        """How well an answer is borne out that is shown unread, 0 to 1: by the words of its
        sentence, which is the score of the check, or by how likely that is the answer, whichever is
        more; None where it is unlikely to be. The check knows words only, and the reranker nothing
        of rows, names and units. Nobody doubts it while nothing is reranked."""
        likely = self.alone(passages, support.span) if support.span else None
        if likely is None:
            return support.score
        return None if likely < BELIEVED else max(support.score, likely)

    def _has_scored(self, texts: Sequence[str]) -> bool:
        new = [text for text in dict.fromkeys(texts) if text not in self._scores]
        if not new:
            return True
        if not self.is_asked:
            return False
        # Loaded by the search that came before, not by the web process's start.
        from router.retrieval.reranking import NoReranker, RerankerUnavailable, relevance

        try:
            self._scores.update(zip(new, relevance(self.question, new), strict=True))
        except RerankerUnavailable as error:
            self.is_asked = False
            self.has_failed = not isinstance(error, NoReranker)
            return False
        return True


def nameless(question: str, passages: Sequence[Passage]) -> str:
    """A question about `it`, as the model of paraphrases compares it where no question that was
    answered before tells what things there are."""
    return without_names(question, subject_of(question, passages, frozenset()).titled)


def _forms_asked_by(question: str, passages: Sequence[Passage]) -> AskedForms | None:
    if not asks_for_value(question):
        return None
    from router.retrieval.embeddings import EmbeddingsUnavailable, ServerEmbeddings

    try:
        vector = ServerEmbeddings(settings.PARAPHRASE_MODEL).one(nameless(question, passages))
    except EmbeddingsUnavailable:
        return None
    return forms_by(vector)
