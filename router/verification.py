"""Does an answer stand in the passages it was made from? Pure: no model, no database.

1. The claims of the answer (numbers, identifiers, quotes, names) must all stand in one passage.
2. Of the sentences where they stand, the one that fits the question best is the evidence.
3. The evidence must be about what was asked: it names every entity of the question, is not the
   row or column of another one, does not say the opposite, holds the kind of value that is
   wanted, and has about as much of what is asked of the entity as any other place.

An answer without claims is held to its words; one that only repeats the question, to the
question's. `router.evidence` reads answers, questions and passages, and objects.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from router.evidence.answers import Evidence, Said, read_answer
from router.evidence.claims import Claim
from router.evidence.focus import Place, read_focus
from router.evidence.named import runs_of_names
from router.evidence.objections import is_named, objection
from router.evidence.questions import Question, read_question
from router.evidence.sources import (
    CONTEXT,
    Source,
    names,
    places_of,
    read_source,
    tells_of,
)
from router.prompts import Passage
from router.text import marks, without_marks

__all__ = ["Support", "named_first", "passages_naming_all", "unnamed", "verify"]

# How much a word of the question counts by where it stands, seen from the sentence in question.
_IN_SENTENCE, _IN_HEADINGS, _BESIDE, _IN_PASSAGE = 1.0, 0.8, 0.7, 0.4
_CITED_BONUS = 0.05


@dataclass(frozen=True, slots=True)
class Support:
    """What an answer rests on.

    `missing` are the claims that stand in no passage. `span` is the number of the supporting
    passage from 0, and start and end of its sentence in characters of its text. `cited` are the
    passage numbers that the answer itself names, from 1. `score` is 0 to 1: the mean of how well
    the evidence fits the question and of the share of the answer's words that it has. `problem`
    says in plain words why the answer is not supported. `meant` is the question that it was held
    to instead of the asked one, empty: to that one.
    """

    supported: bool
    missing: tuple[Claim, ...] = ()
    span: tuple[int, int, int] | None = None
    cited: tuple[int, ...] = ()
    score: float = 0.0
    problem: str = ""
    meant: str = ""

    def of_places(self, order: Sequence[int]) -> "Support":
        """The same with the passages' own numbers: those given were at these places, from 0."""
        span = (order[self.span[0]], *self.span[1:]) if self.span else None
        return replace(self, span=span, cited=tuple(order[one - 1] + 1 for one in self.cited))


def unnamed(question: str, passages: Sequence[Passage]) -> tuple[str, ...]:
    """What a question names and none of the passages does: no answer to it is supported by them."""
    sources = [read_source(passage) for passage in passages]
    asked = asked_of_passages(question, passages)
    return tuple(
        entity
        for entity in asked.entities
        if not any(is_named(entity, source, sources, asked) for source in sources)
    )


def passages_naming_all(question: str, passages: Sequence[Passage]) -> frozenset[int]:
    """The numbers of the passages that name each thing that a question names, by themselves."""
    sources = [read_source(passage) for passage in passages]
    asked = asked_of_passages(question, passages)
    return frozenset(
        number
        for number, source in enumerate(sources)
        if all(is_named(entity, source, sources, asked) for entity in asked.entities)
    )


def named_first(question: str, passages: Sequence[Passage]) -> list[int]:
    """The numbers of the passages, those first that name most of what the question names, as it is
    typed; of these, those that tell of most of it. Passages alike in both keep their order."""
    asked = asked_of_passages(question, passages)
    longer = {entity: asked.longer_than(entity) for entity in asked.entities}

    def named(number: int) -> tuple[int, int]:
        source = read_source(passages[number])
        there = [one for one, others in longer.items() if names(source, one, others)]
        return len(there), sum(tells_of(source, one, asked) for one in there)

    return sorted(range(len(passages)), key=named, reverse=True)


def asked_of_passages(question: str, passages: Sequence[Passage]) -> Question:
    """What a question asks about, as it is held against these."""
    sources = map(read_source, passages)
    told = frozenset(stem for one in sources for stem in one.stems | one.context_stems)
    names = (run for passage in passages for run in runs_of_names(passage.text))
    written = frozenset(pair for run in names for pair in pairwise(run))
    return read_question(question, titles_of(passages), told, written)


def titles_of(passages: Sequence[Passage]) -> list[str]:
    return [passage.title for passage in passages]


def verify(
    question: str,
    answer: str,
    passages: Sequence[Passage],
    *,
    likely: Collection[Place] = (),
) -> Support:
    """Whether `answer` stands in one of `passages` and is about what `question` asks.

    Of the `likely` sentences, each the number of a passage and its own, a model has told that they
    answer it, so it is not held against them that they have few words of the question.
    """
    cited = tuple(number for number in marks(answer) if 1 <= number <= len(passages))
    sources = [read_source(passage) for passage in passages]
    asked = asked_of_passages(question, passages)
    said = read_answer(without_marks(answer), asked)
    if not (said.words or said.claims):
        return Support(False, cited=cited, problem="The answer says nothing.")
    places = {claim: [places_of(claim, one, asked) for one in sources] for claim in said.claims}
    missing = tuple(claim for claim, found in places.items() if not any(found))
    if missing:
        return Support(False, missing=missing, cited=cited, problem=_absent(missing))
    fitting = fits(asked, sources)
    evidence = [
        Evidence(
            number, sentence, fitting[number][sentence], said.covered_by(source, sentence, asked)
        )
        for number, source in enumerate(sources)
        if all(places[claim][number] for claim in said.claims)
        for sentence in _anchors(
            source, [places[claim][number] for claim in said.news], said.wanted(asked)
        )
    ]
    evidence.sort(key=lambda one: -one.score - _CITED_BONUS * (one.passage + 1 in cited))
    return _decide(evidence, sources, asked, said, fitting, cited, likely)


def _decide(
    evidence: Sequence[Evidence],
    sources: Sequence[Source],
    asked: Question,
    said: Said,
    fitting: Sequence[dict[int, float]],
    cited: tuple[int, ...],
    likely: Collection[Place],
) -> Support:
    """The best evidence to which nothing can be objected, or else the objection to the best."""
    best_fit = max((max(one.values()) for one in fitting), default=0.0)
    focus = read_focus(asked, sources)
    problem = ""
    for one in evidence:
        is_likely = (one.passage, one.sentence) in likely
        objected = objection(one, sources, asked, said, best_fit, focus, is_likely=is_likely)
        if not objected:
            sentence = sources[one.passage].sentences[max(one.sentence, 0)]
            span = (one.passage, sentence.start, sentence.end)
            return Support(True, span=span, cited=cited, score=one.score)
        problem = problem or objected
    return Support(
        False, cited=cited, problem=problem or "No single passage holds all of the answer."
    )


def _absent(missing: Sequence[Claim]) -> str:
    named = ", ".join(f"“{claim.text}”" for claim in missing)
    return f"{named} {'stands' if len(missing) == 1 else 'stand'} in none of the passages."


def _anchors(source: Source, places: Sequence[set[int]], wanted: frozenset[str]) -> set[int]:
    """The sentences that may be the evidence: those with most of the news, or else of the words.

    Their neighbours are not: beside a sentence that says no, any other would say yes.
    """
    counted = Counter(number for found in places for number in found)
    if not places:
        counted.update({n: len(wanted & one.stems) for n, one in enumerate(source.sentences)})
    most = max(counted.values(), default=0)
    return {number for number, count in counted.items() if count == most} if most else set()


def fits(asked: Question, sources: Sequence[Source]) -> list[dict[int, float]]:
    """How well each sentence of each source, and its context, fits the question: 0 to 1.

    A word of the question weighs log(1 + passages / passages that have it). One that none has
    may be said in other words: it is not found, and weighs as little as one that all have.
    """
    having = Counter(
        stem for source in sources for stem in asked.stems & (source.stems | source.context_stems)
    )
    weights = {stem: math.log(1 + len(sources) / count) for stem, count in having.items()}
    total = sum(weights.values()) + math.log(2) * len(asked.stems - having.keys()) or 1.0
    return [
        {
            number: _gained(source, number, weights) / total
            for number in (*range(len(source.sentences)), CONTEXT)
        }
        for source in sources
    ]


def _gained(source: Source, number: int, weights: dict[str, float]) -> float:
    here = source.context_stems if number == CONTEXT else source.sentences[number].stems
    levels = (
        (here, _IN_SENTENCE),
        (source.context_stems, _IN_HEADINGS),
        (source.around(number), _BESIDE),
        (source.stems, _IN_PASSAGE),
    )
    return sum(
        weight * next((level for stems, level in levels if stem in stems), 0.0)
        for stem, weight in weights.items()
    )
