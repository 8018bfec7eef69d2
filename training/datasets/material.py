"""What a dataset is made of, as values apart from the database. Pure."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from router.prompts import Passage
from router.text import exact_form, fold, words

_ARTICLES = frozenset(("a", "an", "the"))
WordForm = frozenset[str]


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair that may be taught. `passage` is the content hash of the one with the evidence, and
    `place` where the answer stands there, or else the evidence, in characters."""

    id: int
    document: int
    passage: str
    question: str
    answer: str
    fact: str
    by_person: bool = False
    evidence: str = ""
    place: tuple[int, int] | None = None

    def has_within(self, other: "Pair") -> bool:
        """Whether its answer has that of the other in it, at the same place, and more."""
        if self.place is None or other.place is None:
            return False
        is_inside = self.place[0] <= other.place[0] and other.place[1] <= self.place[1]
        own, others = exact_form(self.answer), exact_form(other.answer)
        return is_inside and others != own and others in own


@dataclass(frozen=True)
class Source:
    """A document in its served version; its passages by their content hash, in order."""

    id: int
    slug: str
    domain: str  # slug of the collection
    title: str
    path: str
    version: int = 1
    sha256: str = ""
    passages: Mapping[str, Passage] = field(default_factory=dict)


@dataclass(frozen=True)
class Retired:
    """A question that a former version of the document answered; its passage is gone.

    The document itself may be gone from what is served.
    """

    document: int
    domain: str
    title: str
    path: str
    fact: str
    question: str
    answer: str
    evidence: str


@dataclass(frozen=True)
class Material:
    """Everything that goes in; the order of the pairs and documents is of no account."""

    pairs: tuple[Pair, ...]
    sources: Mapping[int, Source]
    retired: tuple[Retired, ...] = ()

    @cached_property
    def facts(self) -> dict[str, list[Pair]]:
        """The pairs of each fact, people's first."""
        facts: dict[str, list[Pair]] = defaultdict(list)
        for pair in sorted(self.pairs, key=lambda pair: (not pair.by_person, pair.id)):
            facts[pair.fact].append(pair)
        return {fact: facts[fact] for fact in sorted(facts)}


@lru_cache(maxsize=100_000)
def word_form(question: str) -> WordForm:
    """The words of a question, whatever their order, case, ending and punctuation."""
    return frozenset(word.stem for word in words(fold(question).text) if word.text not in _ARTICLES)


def draw(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone, evenly spread."""
    digest = hashlib.sha256("\n".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:7]) / 256**7


def without_contradictions(pairs: Iterable[Pair]) -> tuple[list[Pair], int]:
    """The pairs whose question has one answer only, and how many were left out.

    A model that answers from its weights cannot tell which of two documents is meant.
    """
    kept = list(pairs)
    answers: dict[str, set[str]] = defaultdict(set)
    for pair in kept:
        answers[exact_form(pair.question)].add(exact_form(pair.answer))
    clear = [pair for pair in kept if len(answers[exact_form(pair.question)]) == 1]
    return clear, len(kept) - len(clear)


def in_peoples_words(pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs, where a program's has the answer and the fact that people's have in its own words,
    if that is one: they say how much of `14 GiB per pod` is the value."""
    every = list(pairs)
    peoples: dict[str, list[Pair]] = defaultdict(list)
    for pair in every:
        if pair.by_person:
            peoples[pair.passage].append(pair)
    return [pair if pair.by_person else _shortened(pair, peoples[pair.passage]) for pair in every]


def _shortened(pair: Pair, peoples: Iterable[Pair]) -> Pair:
    within = {(one.answer, one.fact) for one in peoples if pair.has_within(one)}
    if len(within) != 1:
        return pair
    answer, fact = within.pop()
    return replace(pair, answer=answer, fact=fact)


def pairs_by_passage(pairs: Sequence[Pair]) -> dict[str, int]:
    """How many pairs stand on each passage, by its content hash, in order of the hashes."""
    return dict(sorted(Counter(pair.passage for pair in pairs).items()))
