"""A passage as evidence: its sentences, quantities and headings, and what stands where. Pure."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ingestion.tokens import is_everyday_word
from router.evidence.claims import (
    TIMES,
    Claim,
    ClaimKind,
    counted_things,
    literal_pattern,
    place_of_phrase,
)
from router.evidence.contraries import are_contrary, sides_of
from router.evidence.environments import PRODUCTION, environments, is_of_others
from router.evidence.quantities import Quantity, agree, quantities
from router.evidence.questions import Question
from router.evidence.slips import one_slip
from router.evidence.wanted import are_of_one_sort
from router.prompts import Passage
from router.text import Folded, Word, fold, sentences, words

_LIST_NUMBER = re.compile(r"^\d{1,3}[.)](?=\s|$)", re.MULTILINE)

CONTEXT = -1
"""Instead of a sentence's number: in the title, the headings or the path."""


@dataclass(frozen=True, slots=True)
class SourceSentence:
    """`start` and `end` are characters of the passage's text; the words lie in the folded text."""

    start: int
    end: int
    words: tuple[Word, ...]
    stems: frozenset[str]


@dataclass(frozen=True, slots=True)
class Source:
    """A passage, read once. `title` and `section`, which is the innermost heading, are folded."""

    text: str
    folded: Folded
    quantities: tuple[Quantity, ...]
    sentences: tuple[SourceSentence, ...]
    stems: frozenset[str]
    title: str
    section: str
    context: str
    context_words: tuple[Word, ...]
    context_stems: frozenset[str]
    heading_stems: frozenset[str]

    def around(self, number: int) -> frozenset[str]:
        """The stems of a sentence and its two neighbours; of all, for the context."""
        if number == CONTEXT:
            return self.stems
        near = self.sentences[max(number - 1, 0) : number + 2]
        return frozenset(stem for sentence in near for stem in sentence.stems)

    def quantities_of(self, number: int) -> list[Quantity]:
        """The quantities of a sentence."""
        sentence = self.sentences[number].words
        if not sentence:
            return []
        first = bisect_left(self.quantities, sentence[0].start, key=lambda one: one.end)
        last = bisect_right(self.quantities, sentence[-1].end, key=lambda one: one.start)
        return list(self.quantities[first:last])

    def sentence_at(self, place: int) -> int:
        """The number of the sentence around a place of the folded text."""
        starts = [sentence.start for sentence in self.sentences]
        return max(bisect_right(starts, self.folded.original(place)) - 1, 0)

    def number_of(self, start: int) -> int:
        """The number of the sentence that starts at a character of the text."""
        return [sentence.start for sentence in self.sentences].index(start)


@lru_cache(maxsize=256)
def read_source(passage: Passage) -> Source:
    """Cached, because each sentence of an answer is checked against the same passages."""
    folded = fold(passage.text)
    own_words = words(folded.text)
    spans = sentences(passage.text) or [(0, len(passage.text))]
    starts = [start for start, _ in spans]
    grouped: list[list[Word]] = [[] for _ in spans]
    for word in own_words:
        grouped[max(bisect_right(starts, folded.original(word.start)) - 1, 0)].append(word)
    context = fold(f"{passage.title}\n{passage.heading}\n{passage.path}").text
    context_words = tuple(words(context))
    return Source(
        text=passage.text,
        folded=folded,
        quantities=tuple(quantities(folded.text)),
        sentences=tuple(
            SourceSentence(start, end, tuple(group), stems_of(group))
            for (start, end), group in zip(spans, grouped, strict=True)
        ),
        stems=stems_of(own_words),
        title=fold(passage.title).text,
        section=fold(passage.heading).text.rpartition(" > ")[2],
        context=context,
        context_words=context_words,
        context_stems=stems_of(context_words),
        heading_stems=stems_of(words(fold(passage.heading).text)),
    )


def stems_of(of: Iterable[Word]) -> frozenset[str]:
    return frozenset(word.stem for word in of)


def stems_in(text: str) -> frozenset[str]:
    """Those of all its words."""
    return stems_of(words(fold(text).text))


def places_of(claim: Claim, source: Source, question: Question) -> set[int]:
    """The numbers of the sentences in which a claim stands, or `CONTEXT`, or none."""
    if claim.quantity:
        return _quantity_places(claim, claim.quantity, source, question)
    if claim.kind is ClaimKind.NAME:
        return _name_places(words(fold(claim.text).text), source)
    pattern = literal_pattern(claim.text)
    found = {source.sentence_at(match.start()) for match in pattern.finditer(source.folded.text)}
    return found or ({CONTEXT} if pattern.search(source.context) else set())


def names(source: Source, entity: str, longer: Sequence[str] = ()) -> bool:
    """Whether a passage, its title, headings or path name an entity, however it is written:
    `cedar-vault`, `Cedar Vault`, `cedar_vault` and `cedarvault` are one. Where a `longer` name
    stands, another thing is named."""
    if any(_is_in(text, entity, longer) for text in (source.folded.text, source.context)):
        return True
    return not longer and bool(_name_places(words(fold(entity).text), source))


def _is_in(folded: str, entity: str, longer: Sequence[str]) -> bool:
    for name in longer:
        folded = _entity_pattern(name).sub(" ", folded)
    return bool(_entity_pattern(entity).search(folded))


def tells_of(source: Source, entity: str, asked: Question) -> bool:
    """Whether a passage that names an entity tells of it: its title, headings or path name it, or a
    sentence that does has another word of the question."""
    longer = asked.longer_than(entity)
    if is_headed(source, entity, longer):
        return True
    telling = (n for n, one in enumerate(source.sentences) if one.stems & asked.aspect)
    return any(names_at(source, number, entity, longer) for number in telling)


def names_at(source: Source, number: int, entity: str, longer: Sequence[str]) -> bool:
    """Whether a sentence names an entity, and not only a thing with a `longer` name."""
    one = source.sentences[number]
    return _is_in(fold(source.text[one.start : one.end]).text, entity, longer)


def is_titled(source: Source, entity: str, longer: Sequence[str]) -> bool:
    """Whether the title of a passage names an entity, and not only a thing with a `longer` name."""
    return _is_in(source.title, entity, longer)


def is_headed(source: Source, entity: str, longer: Sequence[str]) -> bool:
    """The same of its title, headings and path."""
    return _is_in(source.context, entity, longer)


def nearly_names(source: Source, entity: str) -> bool:
    """Whether an entity is named if each of its words may have one slip of the finger.

    What has become another word of everyday English is none: `orrery-cloak` is not `orrery-clock`.
    """
    typed = [word.text for word in words(fold(entity).text)]
    texts = [sentence.words for sentence in source.sentences]
    return any(
        all(
            one == word.text or (one_slip(one, word.text) and not is_everyday_word(one))
            for one, word in zip(typed, text[place : place + len(typed)], strict=True)
        )
        for text in (*texts, source.context_words)
        for place in range(len(text) - len(typed) + 1)
    )


def is_contrary(asked: Question, source: Source, number: int) -> bool:
    """Whether a sentence speaks only of the contrary of what is asked about."""
    if not asked.sides:
        return False
    sentence = source.sentences[number]
    told = sides_of(fold(source.text[sentence.start : sentence.end]).text)
    return are_contrary(asked.sides, told)


def is_elsewhere(asked: Question, source: Source, number: int) -> bool:
    """Whether a sentence (or `CONTEXT`) speaks of other environments than those that are asked
    about, or of none where these are without production and the passage never speaks of them.

    Documents say most things of production without saying so, also beside those of others. So where
    none is asked about, a sentence of others is elsewhere beside one that may be of production.
    """
    if not asked.environments:
        return number != CONTEXT and _is_beside_production(asked, source, number)
    if asked.environments > {PRODUCTION}:
        return False
    here = environments(source.context, asked.environments)
    if not here and number != CONTEXT:
        sentence = source.sentences[number]
        said = fold(source.text[sentence.start : sentence.end]).text
        here = environments(said, asked.environments)
        if asked.environments == {PRODUCTION} and len(source.quantities_of(number)) > 1:
            return False
    if here:
        return asked.environments.isdisjoint(here)
    if asked.environments == {PRODUCTION}:
        return False
    return asked.environments.isdisjoint(environments(source.folded.text, asked.environments))


def _is_beside_production(asked: Question, source: Source, number: int) -> bool:
    """Whether a sentence speaks only of other environments than production, and one that may be of
    production has no less of what is asked and a like value."""
    own, here = source.sentences[number], source.quantities_of(number)
    # Of several values each clause tells for itself, and without one the environment may be what
    # is asked for, unless the sentence begins with it.
    if len(here) > 1 or not (here or is_of_others(_text_of(own.words[:3], source))):
        return False
    if not is_of_others(_text_of(own.words, source)) or environments(source.context):
        return False
    wanted = own.stems & asked.aspect
    return any(
        wanted <= sentence.stems
        and not is_of_others(_text_of(sentence.words, source))
        and _are_like(here, source.quantities_of(other))
        for other, sentence in enumerate(source.sentences)
        if other != number
    )


def _text_of(of: Sequence[Word], source: Source) -> str:
    return source.folded.text[of[0].start : of[-1].end] if of else ""


def _are_like(one: Sequence[Quantity], other: Sequence[Quantity]) -> bool:
    return are_of_one_sort(one, other) if one else not other


def _quantity_places(claim: Claim, said: Quantity, source: Source, question: Question) -> set[int]:
    counted = claim.counted - question.stems - {TIMES}
    places = set()
    for found in source.quantities:
        if _LIST_NUMBER.match(source.folded.text, found.start):
            continue
        number = source.sentence_at(found.start)
        own_words = source.sentences[number].words
        if not agree(said, found, {word.text for word in own_words}, question.units):
            continue
        if claim.counted and found.units:
            # `12 attempts` are no `12 seconds`, but `30 calendar days` are `30 days`.
            within = {word.stem for word in own_words if found.start <= word.start < found.end}
            if claim.counted & within:
                places.add(number)
            continue
        others = counted_things(found, own_words)
        if not counted or not others or counted & others:
            places.add(number)
    return places


def _name_places(phrase: Sequence[Word], source: Source) -> set[int]:
    found = {
        number
        for number, sentence in enumerate(source.sentences)
        if place_of_phrase(phrase, sentence.words) is not None
    }
    if not found and place_of_phrase(phrase, source.context_words) is not None:
        return {CONTEXT}
    return found


@lru_cache(maxsize=256)
def _entity_pattern(entity: str) -> re.Pattern[str]:
    parts = re.findall(r"[^\W_]+", fold(entity).text)
    body = r"[\W_]?".join(map(re.escape, parts))
    return re.compile(rf"(?<![^\W_]){body}(?![^\W_])")
