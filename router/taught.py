"""The questions that a tuned model was taught, and what it means that one asks what is asked.

A small model knows a fact by the words in which it was asked for it. So where a taught question
asks the same of the same thing, the model is asked in its words.

And the check of an answer knows words: to *which TCP number do I open* it holds no line
`port: 5071`. A taught question that means the same says it in words which stand in the passage. So
where the nearest of all has just the answer that the model gives, and its passage still stands and
was found, the answer is held to that question as well.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from router import tuned
from router.cosines import cosines
from router.evidence.objections import TURNED_DOWN
from router.evidence.sources import names, read_source
from router.models import ModelVersion, TaughtQuestions
from router.precedents.frames import (
    about_it,
    asked_of,
    named_alone,
    names_of,
    things_among,
    without_names,
)
from router.prompts import Passage
from router.text import exact_form, without_marks
from router.verification import Support, asked_of_passages, verify

if TYPE_CHECKING:
    from router.retrieval.vectors import Vectors

# 30 MB of vectors. More phrasings of a fact tell little.
MOST = 20_000
# Answers about the same thing that are told at once, which the server of the model is sent.
MOST_ANSWERS = 60
# Of cosines. A question that is nearer to the asked one than any with another answer by so much
# asks the same, if it is near at all (docs/decisions.md).
LEAST_LEAD, LEAST_NEAR = 0.03, 0.35
# One that is as near bears out what is not borne out by the words of the asked one. The model may
# have been asked in its words, so that it answers that question says nothing about this one.
LEAST_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Taught:
    """A question with its answer and its passage, by content hash. `similarity` is the cosine of
    what it asks with what is asked; `lead` is how much that is above that of any question about the
    same thing with another answer."""

    question: str
    answer: str
    content_hash: str
    similarity: float = 0.0
    lead: float = 0.0

    @property
    def asks_the_same(self) -> bool:
        return self.similarity >= LEAST_NEAR and self.lead >= LEAST_LEAD


@dataclass(frozen=True, slots=True)
class Repertoire:
    """The questions that a model was taught, the exact form of each answer, and a vector of what
    each asks: (questions, dimension). `about` has their places by what they name; `things` are
    what they are about."""

    taught: tuple[Taught, ...]
    answers: tuple[str, ...]
    about: Mapping[frozenset[str], Sequence[int]]
    things: frozenset[str]
    vectors: Vectors

    def asked(self, question: str) -> str:
        """What a question asks, about `it`, which is compared."""
        return without_names(question, self.things)

    def answers_about(self, question: str) -> list[str]:
        """Those to questions about the same things, each once and `MOST_ANSWERS` at most; none
        where it names nothing."""
        wanted = asked_of(question, names_of(question), self.things)
        same = self.about.get(wanted, ()) if wanted else ()
        return list(dict.fromkeys(self.taught[place].answer for place in same))[:MOST_ANSWERS]

    def nearest(self, question: str, vector: Vectors) -> Taught | None:
        """The one that is nearest to a question of those about the same, by the vector of what it
        asks; None where nothing is taught of that. Of a question that names nothing nobody knows
        what it is about, so that none has a lead on the others."""
        wanted = asked_of(question, names_of(question), self.things)
        same = self.about.get(wanted, ())
        if not same or self.vectors.shape[1] != vector.size:
            return None
        alike = cosines(self.vectors[same], vector.ravel()).tolist()
        similarity, best = max(zip(alike, same, strict=True))
        others = (
            cosine
            for cosine, place in zip(alike, same, strict=True)
            if self.answers[place] != self.answers[best]
        )
        lead = similarity - max(others, default=0.0) if wanted else 0.0
        return replace(self.taught[best], similarity=similarity, lead=lead)


def repertoire(taught: Sequence[Taught]) -> Repertoire:
    """Of the first `MOST` of these questions. Raises `EmbeddingsUnavailable`."""
    # Only here are vectors made, and the web process starts without the client's libraries.
    from router.retrieval.embeddings import ServerEmbeddings

    kept = taught[:MOST]
    named = _named(kept)
    things = things_among(named_alone(named))
    each_of = zip(kept, named, strict=True)
    asked = [about_it(one.question, asked_of(one.question, its, things)) for one, its in each_of]
    # Many ask the same of different things.
    each = list(dict.fromkeys(asked))
    vectors = ServerEmbeddings(settings.PARAPHRASE_MODEL).batch(each)
    row_of = {text: row for row, text in enumerate(each)}
    return _bound(kept, named, vectors[[row_of[text] for text in asked]])


def keep(model: ModelVersion, made: Repertoire) -> None:
    """Store what a model was taught, in place of what was."""
    if not made.taught:
        TaughtQuestions.objects.filter(model=model).delete()
        return
    vectors = made.vectors.astype("<f4").tobytes()
    questions = [[one.question, one.answer, one.content_hash] for one in made.taught]
    TaughtQuestions.objects.update_or_create(
        model=model,
        defaults={
            "embedder": _embedder(),
            "questions": questions,
            "vectors": vectors,
            # What a process has at hand is that of these very questions, answers and passages.
            "sha256": hashlib.sha256(json.dumps(questions).encode() + vectors).hexdigest(),
        },
    )


def repertoire_of(model: str) -> Repertoire | None:
    """What a model, by its name, was taught; None where nothing is kept that the embedding model of
    today made."""
    kept = TaughtQuestions.objects.filter(model__name=model, embedder=_embedder())
    sha256 = kept.values_list("sha256", flat=True).first()
    if sha256 is None:
        return None
    try:
        return _at_hand(model).repertoire(sha256)
    except TaughtQuestions.DoesNotExist:  # Replaced, or pruned with its model, this very moment.
        return None


def nearest(made: Repertoire | None, question: str) -> Taught | None:
    """Of what a model was taught, the question nearest to this one; None where none is about the
    same, or no embedding server answers. Asks that server, and no database."""
    from router.retrieval.embeddings import EmbeddingsUnavailable, ServerEmbeddings

    if made is None:
        return None
    try:
        vector = ServerEmbeddings(settings.PARAPHRASE_MODEL).one(made.asked(question))
    except EmbeddingsUnavailable:
        return None
    return made.nearest(question, vector)


def in_taught_words(question: str, near: Taught | None) -> str:
    """How a model is asked this: in the words of the `near` question, if that asks the same."""
    return near.question if near is not None and near.asks_the_same else question


def _embedder() -> str:
    name: str = settings.PARAPHRASE_MODEL or settings.EMBEDDINGS_MODEL
    return name


@dataclass(slots=True)
class _AtHand:
    """What a model, by its name, was taught, for all questions of this process: to bind thousands
    takes seconds, which those that come at once spend together."""

    model: str
    sha256: str = ""
    newest: Repertoire | None = None
    turning: Lock = field(default_factory=Lock)

    def repertoire(self, sha256: str) -> Repertoire | None:
        """As it was kept by this digest. Raises `TaughtQuestions.DoesNotExist`."""
        with self.turning:
            if self.sha256 != sha256:
                self.newest = _read(self.model, sha256)
                self.sha256 = sha256
            return self.newest


_models: dict[str, _AtHand] = {}
_adding = Lock()


def _at_hand(model: str) -> _AtHand:
    """Of each model that may answer one is kept; what does so no more goes when another comes."""
    with _adding:
        if model not in _models:
            for gone in _models.keys() - set(tuned.versions_to_load()):
                del _models[gone]
            _models[model] = _AtHand(model)
        return _models[model]


def _read(model: str, sha256: str) -> Repertoire:
    kept = TaughtQuestions.objects.get(model__name=model, sha256=sha256)
    taught = [Taught(*values) for values in kept.questions]
    vectors = np.frombuffer(kept.vectors, "<f4").reshape(len(taught), -1)
    return _bound(taught, _named(taught), vectors)


def _bound(
    taught: Sequence[Taught], named: Sequence[frozenset[str]], vectors: Vectors
) -> Repertoire:
    things = things_among(named_alone(named))
    about: defaultdict[frozenset[str], list[int]] = defaultdict(list)
    for place, (one, its) in enumerate(zip(taught, named, strict=True)):
        about[asked_of(one.question, its, things)].append(place)
    answers = tuple(exact_form(one.answer) for one in taught)
    return Repertoire(tuple(taught), answers, about, things, vectors)


def _named(taught: Iterable[Taught]) -> list[frozenset[str]]:
    """What each question names, which takes most of the time that they do."""
    return [names_of(one.question) for one in taught]


def support_of(
    question: str,
    answer: str,
    passages: Sequence[Passage],
    *,
    hashes: Sequence[str],
    taught: Taught | None,
) -> Support:
    """`verify`, and where the answer is that of the nearest taught question, the same for that,
    unless the sentence itself speaks against the answer, or that is of another kind than is asked.

    `hashes` are those of the passages' contents, or of what they were before an edit. An answer
    that both bear out has the better score.
    """
    plain = verify(question, answer, passages)
    if plain.problem in TURNED_DOWN:
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
    """None: it is not what was taught there, the taught question is far from this one, or the
    passage names not all that the question does.

    An entity of nearly the same name is another one, whatever the cosine, and a question that names
    nothing is not the one about some entity.
    """
    if taught is None or taught.similarity < LEAST_ALIKE or taught.content_hash not in hashes:
        return None
    if exact_form(without_marks(answer)) != exact_form(taught.answer):
        return None
    support = verify(taught.question, answer, passages)
    if not support.supported or support.span is None:
        return None
    source = read_source(passages[support.span[0]])
    asked = asked_of_passages(question, passages)
    if not asked.entities and asked_of_passages(taught.question, passages).entities:
        return None
    if not all(names(source, entity, asked.longer_than(entity)) for entity in asked.entities):
        return None
    return replace(support, score=max(support.score, taught.similarity), meant=taught.question)
