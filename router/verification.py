"""Does an answer stand in the passages it was made from? Pure: no model, no database.

1. The claims of the answer (numbers, identifiers, quotes, names) must all stand in one passage.
2. Of the places where they stand, the one whose words fit the question best is the evidence.
3. The evidence must be about what was asked: it names every entity of the question, is not the
   row or column of another one, and does not say the opposite.

An answer without claims is held to its words; one that only repeats the question, to the
question's.
"""

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from router.claims import (
    Claim,
    ClaimKind,
    claims_of,
    entities_of,
    literal_pattern,
    stands_as_phrase,
)
from router.prompts import Passage
from router.quantities import UNITS, Quantity, Unit, agree, quantities
from router.text import (
    Folded,
    Word,
    fold,
    is_content,
    is_negation,
    marks,
    sentences,
    without_marks,
    words,
)

CONTEXT = -1
"""Instead of a sentence's number: in the title, the headings or the path."""

# Where a word of the question stands, seen from the sentence that holds the answer.
_HERE, _BESIDE, _ABOVE, _ELSEWHERE = 1.0, 0.7, 0.8, 0.4
_MIN_WORDS_WITH_CLAIMS = 0.5
_MIN_WORDS_ALONE = 0.75
_MIN_QUESTION_REPEATED = 0.6
_MIN_FIT_OF_BEST = 0.5


@dataclass(frozen=True, slots=True)
class Support:
    """What an answer rests on.

    `missing` are the claims that stand in no passage. `span` is the number of the supporting
    passage from 0, and start and end of its sentence in characters of its text. `cited` are the
    passage numbers that the answer itself names, from 1. `score` is 0 to 1. `problem` says in
    plain words why the answer is not supported.
    """

    supported: bool
    missing: tuple[Claim, ...] = ()
    span: tuple[int, int, int] | None = None
    cited: tuple[int, ...] = ()
    score: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    end: int
    words: tuple[Word, ...]
    stems: frozenset[str]
    texts: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Source:
    """A passage, read once. Sentences are placed in the original text, the rest in the folded."""

    text: str
    folded: Folded
    words: tuple[Word, ...]
    quantities: tuple[Quantity, ...]
    sentences: tuple[_Sentence, ...]
    context: str
    context_words: tuple[Word, ...]
    stems: frozenset[str]
    context_stems: frozenset[str]

    def sentence_at(self, place: int) -> int:
        """The number of the sentence around a place of the folded text."""
        starts = [sentence.start for sentence in self.sentences]
        return max(bisect_right(starts, self.folded.original(place)) - 1, 0)

    def window(self, number: int) -> tuple[_Sentence, ...]:
        """A sentence and its two neighbours; all of the text for the context."""
        if number == CONTEXT:
            return self.sentences
        return self.sentences[max(number - 1, 0) : number + 2]


@dataclass(frozen=True, slots=True)
class _Asked:
    stems: frozenset[str]
    units: frozenset[Unit]
    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer without marks: its claims, those that are news, and its other new words."""

    claims: tuple[Claim, ...]
    news: tuple[Claim, ...]
    words: tuple[Word, ...]
    stems: frozenset[str]
    negated: bool


@dataclass(frozen=True, slots=True)
class _Evidence:
    passage: int
    sentence: int
    fit: float
    covered: float

    @property
    def score(self) -> float:
        return (self.fit + self.covered) / 2


def verify(question: str, answer: str, passages: Sequence[Passage]) -> Support:
    """Whether `answer` stands in one of `passages` and is about what `question` asks."""
    cited = tuple(number for number in marks(answer) if 1 <= number <= len(passages))
    sources = [_read(passage) for passage in passages]
    asked = _read_question(question)
    said = _read_answer(without_marks(answer), asked)
    places = {claim: [_places(claim, source, asked) for source in sources] for claim in said.claims}
    missing = tuple(claim for claim, found in places.items() if not any(found))
    if missing:
        quoted = ", ".join(f"“{claim.text}”" for claim in missing)
        stand = "stands" if len(missing) == 1 else "stand"
        problem = f"{quoted} {stand} in none of the passages."
        return Support(supported=False, missing=missing, cited=cited, problem=problem)
    weights = _weights(asked, sources)
    evidence = [
        _weigh(number, sentence, source, asked, said, weights, cited)
        for number, source in enumerate(sources)
        if all(places[claim][number] for claim in said.claims)
        for sentence in _anchors(source, [places[claim][number] for claim in said.news])
    ]
    return _decide(sorted(evidence, key=lambda one: -one.score), sources, asked, said, cited)


def _decide(
    evidence: Sequence[_Evidence],
    sources: Sequence[_Source],
    asked: _Asked,
    said: _Said,
    cited: tuple[int, ...],
) -> Support:
    """The best evidence to which nothing can be objected, or the objection to the best."""
    problem = "No single passage holds all of the answer."
    for place, one in enumerate(evidence):
        objection = _objection(one, sources, asked, said, best=evidence[0].fit)
        if not objection:
            source = sources[one.passage]
            sentence = source.sentences[max(one.sentence, 0)]
            span = (one.passage, sentence.start, sentence.end)
            return Support(supported=True, span=span, cited=cited, score=min(one.score, 1.0))
        if place == 0:
            problem = objection
    return Support(supported=False, cited=cited, problem=problem)


# --- Reading ----------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _read(passage: Passage) -> _Source:
    folded = fold(passage.text)
    own_words = tuple(words(folded.text))
    spans = sentences(passage.text) or [(0, len(passage.text))]
    starts = [start for start, _ in spans]
    grouped: list[list[Word]] = [[] for _ in spans]
    for word in own_words:
        grouped[max(bisect_right(starts, folded.original(word.start)) - 1, 0)].append(word)
    context = fold(f"{passage.title}\n{passage.heading}\n{passage.path}").text
    context_words = tuple(words(context))
    return _Source(
        text=passage.text,
        folded=folded,
        words=own_words,
        quantities=tuple(quantities(folded.text)),
        sentences=tuple(
            _Sentence(start, end, tuple(group), _stems(group), frozenset(w.text for w in group))
            for (start, end), group in zip(spans, grouped, strict=True)
        ),
        context=context,
        context_words=context_words,
        stems=_stems(own_words),
        context_stems=_stems(context_words),
    )


def _read_question(question: str) -> _Asked:
    folded = fold(question).text
    asked_words = words(folded)
    units = {
        unit for word in asked_words for unit in UNITS.get(word.text, ()) if len(word.text) > 2
    }
    content = [word for word in asked_words if is_content(word)]
    return _Asked(_stems(content), frozenset(units), tuple(entities_of(question)))


def _read_answer(answer: str, asked: _Asked) -> _Said:
    folded = fold(answer).text
    counted = [(quantity.start, quantity.end) for quantity in quantities(folded)]
    own_words = [
        word
        for word in words(folded)
        if not any(start <= word.start < end for start, end in counted)
    ]
    claims = tuple(claims_of(answer))
    return _Said(
        claims=claims,
        news=tuple(
            claim for claim in claims if not _stems(words(fold(claim.text).text)) <= asked.stems
        ),
        words=tuple(own_words),
        stems=frozenset(w.stem for w in own_words if is_content(w)) - asked.stems,
        negated=any(map(is_negation, own_words)),
    )


def _stems(of: Sequence[Word]) -> frozenset[str]:
    return frozenset(word.stem for word in of)


# --- Finding ----------------------------------------------------------------------------------


def _places(claim: Claim, source: _Source, asked: _Asked) -> set[int]:
    """The sentences of a source in which a claim stands."""
    if claim.quantity:
        return {
            number
            for found in source.quantities
            for number in [source.sentence_at(found.start)]
            if agree(claim.quantity, found, source.sentences[number].texts, asked.units)
        }
    if claim.kind is ClaimKind.NAME:
        return _phrase_places(words(fold(claim.text).text), source)
    pattern = literal_pattern(claim.text)
    found_at = {source.sentence_at(m.start()) for m in pattern.finditer(source.folded.text)}
    return found_at or ({CONTEXT} if pattern.search(source.context) else set())


def _phrase_places(phrase: Sequence[Word], source: _Source) -> set[int]:
    found = {
        number
        for number, sentence in enumerate(source.sentences)
        if stands_as_phrase(phrase, sentence.words) is not None
    }
    if not found and stands_as_phrase(phrase, source.context_words) is not None:
        return {CONTEXT}
    return found


def _anchors(source: _Source, places: Sequence[set[int]]) -> set[int]:
    """The sentences that may be the evidence: with most of the news, or any if there is none."""
    if not places:
        return set(range(len(source.sentences)))
    counted = Counter(number for found in places for number in found)
    most = max(counted.values())
    return {number for number, count in counted.items() if count == most}


# --- Weighing ---------------------------------------------------------------------------------


def _weights(asked: _Asked, sources: Sequence[_Source]) -> dict[str, float]:
    """How much a word of the question tells: much if few passages have it, nothing if none has."""
    counted = Counter(
        stem for source in sources for stem in asked.stems & (source.stems | source.context_stems)
    )
    return {stem: math.log(1 + len(sources) / count) for stem, count in counted.items()}


def _weigh(
    number: int,
    sentence: int,
    source: _Source,
    asked: _Asked,
    said: _Said,
    weights: dict[str, float],
    cited: Sequence[int],
) -> _Evidence:
    here = source.sentences[sentence].stems if sentence != CONTEXT else source.context_stems
    beside = frozenset(stem for one in source.window(sentence) for stem in one.stems)
    levels = (
        (here, _HERE),
        (source.context_stems, _ABOVE),
        (beside, _BESIDE),
        (source.stems, _ELSEWHERE),
    )
    gained = sum(
        weight * next((level for stems, level in levels if stem in stems), 0.0)
        for stem, weight in weights.items()
    )
    fit = gained / sum(weights.values()) if weights else 0.0
    known = beside | source.context_stems
    wanted = said.stems if said.stems or said.news else asked.stems
    covered = len(wanted & known) / len(wanted) if wanted else 1.0
    return _Evidence(number, sentence, min(fit + 0.05 * (number + 1 in cited), 1.0), covered)


# --- Objecting --------------------------------------------------------------------------------


def _objection(
    one: _Evidence, sources: Sequence[_Source], asked: _Asked, said: _Said, best: float
) -> str:
    """Why this evidence does not bear the answer out, in plain words; empty if it does."""
    source = sources[one.passage]
    if one.covered < _needed(said):
        return "The words of the answer stand in none of the passages."
    if one.fit < _MIN_FIT_OF_BEST * best or not one.fit:
        return "The passage with the answer is not about the question."
    for entity in asked.entities:
        if not _names_entity(entity, source, sources):
            return f"“{entity}” stands nowhere in the passage that holds the answer."
    if one.sentence != CONTEXT:
        sentence = source.sentences[one.sentence]
        if _contradicts(said, sentence):
            return "The passage says the opposite."
        if _belongs_to_a_sibling(said, one.sentence, source, asked):
            return "In the passage, the value belongs to something else."
    return ""


def _needed(said: _Said) -> float:
    """The share of the answer's new words that the evidence must have."""
    if said.news:
        return _MIN_WORDS_WITH_CLAIMS
    if said.stems:
        return 1.0 if len(said.stems) <= 3 else _MIN_WORDS_ALONE
    return _MIN_QUESTION_REPEATED


def _names_entity(entity: str, source: _Source, sources: Sequence[_Source]) -> bool:
    pattern = _entity_pattern(entity)
    if pattern.search(source.folded.text) or pattern.search(source.context):
        return True
    phrase = words(fold(entity).text)
    if any(
        stands_as_phrase(phrase, one) is not None for one in (source.words, source.context_words)
    ):
        return True
    everywhere = any(pattern.search(one.folded.text + "\n" + one.context) for one in sources)
    return not everywhere and _is_misspelt(phrase, source)


@lru_cache(maxsize=256)
def _entity_pattern(entity: str) -> re.Pattern[str]:
    """`cedar-vault`, `Cedar Vault`, `cedar_vault` and `cedarvault` are one entity."""
    parts = re.findall(r"[^\W_]+", fold(entity).text)
    body = r"[\W_]?".join(map(re.escape, parts))
    return re.compile(rf"(?<![^\W_]){body}(?![^\W_])")


def _is_misspelt(phrase: Sequence[Word], source: _Source) -> bool:
    """Whether each word of an entity is one slip of the finger away from a word of the source."""
    known = {word.text for word in (*source.words, *source.context_words)}
    return all(
        word.text in known
        or (
            len(word.text) >= 5
            and word.text.isalpha()
            and any(_one_slip(word.text, k) for k in known)
        )
        for word in phrase
    )


def _one_slip(one: str, other: str) -> bool:
    """One letter more, less, other, or two letters swapped."""
    if abs(len(one) - len(other)) > 1 or one[0] != other[0]:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if start is None:
        return True
    rest, other_rest = one[start:], other[start:]
    swapped = rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
    return swapped or rest[1:] == other_rest[1:] or rest[1:] == other_rest or rest == other_rest[1:]


def _contradicts(said: _Said, sentence: _Sentence) -> bool:
    """The answer denies what the sentence does not, or states what the sentence denies."""
    denied = _denied_stems(sentence.words)
    if said.negated:
        return not any(map(is_negation, sentence.words))
    stated = {word.stem for word in said.words if is_content(word)}
    return bool(stated & denied)


def _denied_stems(of: Sequence[Word]) -> set[str]:
    """The content words right behind a negation; `not more than` denies nothing."""
    denied: set[str] = set()
    for place, word in enumerate(of):
        following = of[place + 1 : place + 4]
        if is_negation(word) and not (
            following and following[0].text in {"more", "less", "later", "longer", "only", "fewer"}
        ):
            denied.update([other.stem for other in following if is_content(other)][:1])
    return denied


def _belongs_to_a_sibling(said: _Said, number: int, source: _Source, asked: _Asked) -> bool:
    """In a table: the question names another row or another column than the answer's."""
    row = _cells(source, number)
    if len(row) < 2:
        return False
    rows = [_cells(source, other) for other in range(len(source.sentences)) if other != number]
    keys = [other[0][1] for other in rows if [h for h, _ in other] == [h for h, _ in row]]
    if not row[0][1] <= asked.stems and any(key and key <= asked.stems for key in keys):
        return True
    holding = [header for header, cell in row[1:] if said.stems & cell]
    others = [header for header, cell in row[1:] if not said.stems & cell]
    return (
        bool(holding)
        and not any(header & asked.stems for header in holding)
        and any(header and header <= asked.stems for header in others)
    )


def _cells(source: _Source, number: int) -> list[tuple[frozenset[str], frozenset[str]]]:
    """The stems of header and value of each cell of a row `Header: value; Header: value`."""
    sentence = source.sentences[number]
    pairs = [
        cell.partition(": ") for cell in source.text[sentence.start : sentence.end].split("; ")
    ]
    if not all(found for _, found, _ in pairs):
        return []
    return [
        (_stems(words(fold(header).text)), _stems(words(fold(value).text)))
        for header, _, value in pairs
    ]
