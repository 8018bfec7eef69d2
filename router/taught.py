"""The questions that a tuned model was taught, and what it means that one is nearly what is asked.

The check of an answer knows words: to *which TCP number do I open* it holds no line `port: 5071`.
A taught question that means the same says it in words which stand in the passage. So where the
nearest of all taught questions has just the answer that the model gives, and its passage still
stands and was found, the answer is held to that question as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from router.cosines import cosines
from router.evidence.objections import REFUTATIONS
from router.evidence.questions import read_question
from router.evidence.sources import names, read_source
from router.models import ModelVersion, TaughtQuestions
from router.prompts import Passage
from router.text import exact_form, without_marks
from router.verification import Support, titles_of, verify

if TYPE_CHECKING:
    from router.retrieval.vectors import Vectors

# 30 MB of vectors. More phrasings of a fact tell little.
MOST = 20_000
# Models whose questions a process keeps at hand.
AT_HAND = 4


@dataclass(frozen=True, slots=True)
class Taught:
    """A question with its answer and its passage, by content hash. `similarity` is its cosine with
    the question that is asked."""

    question: str
    answer: str
    content_hash: str
    similarity: float = 0.0


def keep(model: ModelVersion, taught: Sequence[Taught]) -> None:
    """Store up to `MOST` of the questions, in place of those that were; raises
    `EmbeddingsUnavailable`."""
    # Only here are vectors made, and the web process starts without the client's libraries.
    from router.retrieval.embeddings import ServerEmbeddings

    kept = list(taught[:MOST])
    if not kept:
        TaughtQuestions.objects.filter(model=model).delete()
        return
    vectors = ServerEmbeddings().batch([one.question for one in kept]).astype("<f4").tobytes()
    questions = [[one.question, one.answer, one.content_hash] for one in kept]
    TaughtQuestions.objects.update_or_create(
        model=model,
        defaults={
            "embedder": settings.EMBEDDINGS_MODEL,
            "questions": questions,
            "vectors": vectors,
            # What a process has at hand is that of these very questions, answers and passages.
            "sha256": hashlib.sha256(json.dumps(questions).encode() + vectors).hexdigest(),
        },
    )


def nearest(model: str, vector: Vectors | None) -> Taught | None:
    """The taught question of a model, by its name, that is nearest to the one of this vector; None
    without a vector, or where none is kept that this embedding model made."""
    if vector is None:
        return None
    kept = TaughtQuestions.objects.filter(model__name=model, embedder=settings.EMBEDDINGS_MODEL)
    sha256 = kept.values_list("sha256", flat=True).first()
    if sha256 is None:
        return None
    try:
        return _nearest(*_at_hand(model, sha256), vector)
    except TaughtQuestions.DoesNotExist:  # Replaced, or pruned with its model, this very moment.
        return None


@lru_cache(maxsize=AT_HAND)
def _at_hand(model: str, sha256: str) -> tuple[tuple[Taught, ...], Vectors]:
    kept = TaughtQuestions.objects.get(model__name=model, sha256=sha256)
    taught = tuple(Taught(*values) for values in kept.questions)
    return taught, np.frombuffer(kept.vectors, "<f4").reshape(len(taught), -1)


def _nearest(taught: Sequence[Taught], vectors: Vectors, vector: Vectors) -> Taught | None:
    if vectors.shape[1] != vector.size:
        return None
    alike = cosines(vectors, vector.ravel())
    best = int(alike.argmax())
    return replace(taught[best], similarity=float(alike[best]))


def support_of(
    question: str,
    answer: str,
    passages: Sequence[Passage],
    *,
    hashes: Sequence[str],
    taught: Taught | None,
) -> Support:
    """`verify`, and where the answer is that of the nearest taught question, the same for that,
    unless the sentence itself speaks against the answer.

    `hashes` are those of the passages' contents, or of what they were before an edit. An answer
    that both bear out has the better score.
    """
    plain = verify(question, answer, passages)
    if plain.problem in REFUTATIONS:
        return plain
    meant = _as_taught(question, answer, passages, hashes=hashes, taught=taught)
    if meant is None:
        return plain
    return replace(plain, score=max(plain.score, meant.score)) if plain.supported else meant


def _as_taught(
    question: str,
    answer: str,
    passages: Sequence[Passage],
    *,
    hashes: Sequence[str],
    taught: Taught | None,
) -> Support | None:
    """None: it is not what was taught there, or the passage names not all that the question does.

    An entity of nearly the same name is another one, whatever the cosine, and a question that names
    nothing is not the one about some entity.
    """
    if taught is None or taught.content_hash not in hashes:
        return None
    if exact_form(without_marks(answer)) != exact_form(taught.answer):
        return None
    support = verify(taught.question, answer, passages)
    if not support.supported or support.span is None:
        return None
    source = read_source(passages[support.span[0]])
    titles = titles_of(passages)
    asked = read_question(question, titles)
    if not asked.entities and read_question(taught.question, titles).entities:
        return None
    if not all(names(source, entity, asked.longer_than(entity)) for entity in asked.entities):
        return None
    return replace(support, score=max(support.score, taught.similarity), meant=taught.question)
