"""Which questions are asked already, and which are answered otherwise. Pure.

Three stages, each for what the one before let through: the same words, nearly the same words
(MinHash), nearly the same meaning (embeddings). The thresholds are high: another phrasing of a
fact is worth having, only the same one is not. Questions that name other things or other numbers
are never the same, however many words they share.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.text import NEGATIONS, exact_form, fold, is_content, is_negation, words

LEAST_JACCARD = 0.9
LEAST_COSINE = 0.98
PERMUTATIONS = 128
_ASKING_WORDS = "who whom whose when where why how many much long often"
_ASKING = frozenset(_ASKING_WORDS.split())
_IDENTIFIER = re.compile(r"\d|\w[-_./:@#]\w")
_OUTER = ".,;:!?\"'“”‘’()"

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to rows of unit length."""


class Verdict(Enum):
    NEW = "new"
    REPEATS = "repeats"
    CONTRADICTS = "contradicts"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its answer. The same `fact` is the same statement of the same passage."""

    question: str
    answer: str
    fact: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What a candidate is to the pairs before it; `other` is the pair that it repeats or
    contradicts."""

    asked: Asked
    verdict: Verdict
    other: Asked | None = None


def compare(
    candidates: Iterable[Asked], known: Iterable[Asked], embed: Embed | None = None
) -> list[Compared]:
    """Each candidate against what is known and against the candidates before it.

    It repeats a pair when both ask for one fact in nearly the same words, or have the same
    question and answer. It contradicts one that has the same question and another answer.
    """
    candidates, index = list(candidates), _Index(embed)
    index.add_all(list(known))
    index.prepare([one.question for one in candidates])
    compared = []
    for one in candidates:
        result = _verdict(one, index.near(one.question))
        if result.verdict is not Verdict.REPEATS:
            index.add_all([one])
        compared.append(result)
    return compared


def _verdict(one: Asked, near: Sequence[Asked]) -> Compared:
    for other in near:
        if _repeats(one, other):
            return Compared(one, Verdict.REPEATS, other)
    for other in near:
        if one.fact != other.fact and _same_question(one.question, other.question):
            return Compared(one, Verdict.CONTRADICTS, other)
    return Compared(one, Verdict.NEW)


def _repeats(one: Asked, other: Asked) -> bool:
    if one.fact == other.fact:
        return _same_things(one.question, other.question)
    same_answer = exact_form(one.answer) == exact_form(other.answer)
    return same_answer and _same_question(one.question, other.question)


def _same_question(one: str, other: str) -> bool:
    """Whether the telling and asking words are the same, in their order."""
    return _told(one) == _told(other) and _same_things(one, other)


def _told(question: str) -> tuple[str, ...]:
    return tuple(
        word.stem
        for word in words(fold(question).text)
        if is_content(word) or is_negation(word) or word.text in _ASKING
    )


def _same_things(one: str, other: str) -> bool:
    """Whether each has the names, numbers, identifiers and negations of the other."""
    first, second = _tokens(one), _tokens(other)
    return _named(first) <= {token.lower() for token in second} and (
        _named(second) <= {token.lower() for token in first}
    )


def _tokens(question: str) -> list[str]:
    return [token.strip(_OUTER) for token in question.split()]


def _named(tokens: Sequence[str]) -> set[str]:
    return {
        token.lower()
        for place, token in enumerate(tokens)
        if _IDENTIFIER.search(token)
        or (place and token != token.lower())
        or token.lower() in NEGATIONS
    }


class _Index:
    """Pairs, found again by the words or by the meaning of a question."""

    def __init__(self, embed: Embed | None) -> None:
        # It brings SciPy, which nothing else of a worker needs.
        from datasketch import MinHash, MinHashLSH

        self._new_hash = MinHash
        # Below the wanted similarity, as a MinHash only estimates it.
        self._lsh = MinHashLSH(threshold=LEAST_JACCARD - 0.1, num_perm=PERMUTATIONS)
        self._embed = embed
        self._pairs: list[Asked] = []
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def prepare(self, questions: Sequence[str]) -> None:
        """Embed many questions in one call."""
        new = list(dict.fromkeys(q for q in questions if q not in self._vectors))
        if self._embed is not None and new:
            self._vectors |= dict(zip(new, self._embed(new), strict=True))

    def add_all(self, pairs: Sequence[Asked]) -> None:
        self.prepare([pair.question for pair in pairs])
        for pair in pairs:
            self._lsh.insert(len(self._pairs), self._hash(pair.question))
            self._pairs.append(pair)

    def near(self, question: str) -> list[Asked]:
        """The pairs that ask nearly this, in the order they came in."""
        asked = _shingles(question)
        places = {
            place
            for place in self._lsh.query(self._hash(question))
            if _jaccard(asked, _shingles(self._pairs[place].question)) >= LEAST_JACCARD
        }
        return [self._pairs[place] for place in sorted(places | self._alike(question))]

    def _hash(self, question: str) -> Any:
        hashed = self._new_hash(num_perm=PERMUTATIONS)
        hashed.update_batch([shingle.encode() for shingle in _shingles(question)])
        return hashed

    def _alike(self, question: str) -> set[int]:
        if self._embed is None or not self._pairs:
            return set()
        vectors = np.stack([self._vectors[pair.question] for pair in self._pairs])
        cosines = vectors @ self._vectors[question]
        return set(np.flatnonzero(cosines >= LEAST_COSINE).tolist())


def _shingles(question: str) -> set[str]:
    """The words of the question, one by one and in pairs."""
    said = exact_form(question).split()
    return {*said, *(" ".join(pair) for pair in pairwise(said))}


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0
