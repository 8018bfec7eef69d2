"""What a dataset is made of, as values apart from the database. Pure."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from router.prompts import Passage
from router.text import ARTICLES, exact_form, fold, words
from training import evidence
from training.evidence import Span

WordForm = frozenset[str]


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair that may be taught. `passage` is the content hash of the one with the evidence, and
    `span` where the evidence stands there, in characters."""

    id: int
    document: int
    passage: str
    question: str
    answer: str
    fact: str
    by_person: bool = False
    evidence: str = ""
    span: Span | None = None


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
    return frozenset(word.stem for word in words(fold(question).text) if word.text not in ARTICLES)


def draw(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone, evenly spread."""
    digest = hashlib.sha256("\n".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:7]) / 256**7


def without_contradictions(pairs: Iterable[Pair]) -> tuple[list[Pair], int]:
    """The pairs whose question has one answer only, or one fact, which may be told in two ways; and
    how many were left out.

    A model that answers from its weights cannot tell which of two documents is meant.
    """
    kept = list(pairs)
    facts: dict[str, set[str]] = defaultdict(set)
    answers: dict[str, set[str]] = defaultdict(set)
    for pair in kept:
        question = exact_form(pair.question)
        facts[question].add(pair.fact)
        answers[question].add(exact_form(pair.answer))
    unclear = {asked for asked in facts if len(facts[asked]) > 1 and len(answers[asked]) > 1}
    clear = [pair for pair in kept if exact_form(pair.question) not in unclear]
    return clear, len(kept) - len(clear)


def in_peoples_words(pairs: Iterable[Pair], sources: Mapping[int, Source]) -> list[Pair]:
    """The pairs, where a program's has the answer and the fact that people's have in its own words,
    if that is one: they say how much of `14 GiB per pod` is the value. `sources` are by the
    document's id."""
    every = list(pairs)
    places = _Places(sources)
    peoples: dict[str, list[_Placed]] = defaultdict(list)
    for pair in every:
        if pair.by_person:
            peoples[pair.passage].append(places.of(pair))
    return [
        pair
        if pair.by_person or pair.passage not in peoples
        else _shortened(places.of(pair), peoples[pair.passage])
        for pair in every
    ]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A pair with all places of its passage where its answer may stand."""

    pair: Pair
    places: tuple[Span, ...]

    def has_within(self, other: "_Placed") -> bool:
        """Whether its answer has that of the other in it, wherever that may stand, and more.

        Evidence is often a whole row, which has the values of other facts as well.
        """
        is_inside = bool(other.places) and all(
            any(start <= inner[0] and inner[1] <= end for start, end in self.places)
            for inner in other.places
        )
        return is_inside and exact_form(self.pair.answer) != exact_form(other.pair.answer)


class _Places:
    """Where answers stand. Each passage is made ready for looking them up once."""

    def __init__(self, sources: Mapping[int, Source]) -> None:
        self._sources = sources
        self._ready: dict[tuple[int, str], evidence.Source] = {}

    def of(self, pair: Pair) -> _Placed:
        if pair.span is None:
            return _Placed(pair, ())
        key = pair.document, pair.passage
        if key not in self._ready:
            text = self._sources[pair.document].passages[pair.passage].text
            self._ready[key] = evidence.Source(pair.passage, text)
        found = evidence.answers(self._ready[key], pair.answer, *pair.span)
        return _Placed(pair, tuple(found))


def _shortened(placed: _Placed, peoples: Iterable[_Placed]) -> Pair:
    within = {(one.pair.answer, one.pair.fact) for one in peoples if placed.has_within(one)}
    if len(within) != 1:
        return placed.pair
    answer, fact = within.pop()
    return replace(placed.pair, answer=answer, fact=fact)


def pairs_by_passage(pairs: Sequence[Pair]) -> dict[str, int]:
    """How many pairs stand on each passage, by its content hash, in order of the hashes."""
    return dict(sorted(Counter(pair.passage for pair in pairs).items()))
