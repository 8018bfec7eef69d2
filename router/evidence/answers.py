"""An answer as it is checked, and the place that may bear it out. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from router.evidence.claims import Claim, claims_of
from router.evidence.quantities import Kind, quantities
from router.evidence.questions import Question
from router.evidence.sources import Source, stems_in, stems_of
from router.text import Word, fold, is_content, is_negation, words

_MIN_WORDS_ALONE = 0.75
_MIN_QUESTION_REPEATED = 0.6
# `Sat` and `sun` are words, too.
_DAY_OF_WEEK = re.compile(r"(mon|tue|wed|thu|fri|sat(?=urday)|sun(?=day))(?:[a-z]*days?)?")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence (or `CONTEXT`) of a passage, from 0. `fit` to the question and `covered` share
    of the answer's words are 0 to 1."""

    passage: int
    sentence: int
    fit: float
    covered: float

    @property
    def score(self) -> float:
        return (self.fit + self.covered) / 2


@dataclass(frozen=True, slots=True)
class Said:
    """The text of an answer without marks; its claims; those that the question did not already make
    (`news`); the stems of its other new words; whether it denies; whether it is a yes or a no."""

    text: str
    claims: tuple[Claim, ...]
    news: tuple[Claim, ...]
    words: tuple[Word, ...]
    stems: frozenset[str]
    negated: bool
    verdict: bool | None

    def wanted(self, asked: Question) -> frozenset[str]:
        """The words to be found: an answer that says nothing new is held to the question's."""
        return self.stems if self.stems or self.news else asked.stems

    def covered_by(self, source: Source, sentence: int, asked: Question) -> float:
        """The share of the wanted words that stand around a sentence or in the headings."""
        wanted = self.wanted(asked)
        known = source.around(sentence) | source.context_stems
        return len(wanted & known) / len(wanted) if wanted else 1.0

    @property
    def bare(self) -> set[str]:
        """Its numbers that have no unit."""
        told = (one.quantity for one in self.news if one.quantity)
        return {one.value for one in told if one.kind is Kind.NUMBER and not one.units}

    @property
    def claimed(self) -> frozenset[str]:
        return frozenset(word for one in self.claims for word in stems_in(one.text))

    @property
    def may_miss(self) -> float:
        """The share of its words that the evidence may lack."""
        if self.news:
            return max(0.5, 1 / max(len(self.stems), 1))
        if self.stems:
            return 0.0 if len(self.stems) <= 3 else 1 - _MIN_WORDS_ALONE
        return 1 - _MIN_QUESTION_REPEATED


def read_answer(text: str, asked: Question) -> Said:
    folded = fold(text).text
    counted = [(quantity.start, quantity.end) for quantity in quantities(folded)]
    own_words = tuple(
        word for word in words(folded) if not any(s <= word.start < e for s, e in counted)
    )
    claims = tuple(claims_of(text))
    first = own_words[0].text if own_words else ""
    return Said(
        text=text.strip(),
        claims=claims,
        news=tuple(
            one for one in claims if not stems_of(words(fold(one.text).text)) <= asked.stems
        ),
        words=own_words,
        stems=frozenset(word.stem for word in own_words if is_content(word)) - asked.stems,
        negated=any(map(is_negation, own_words)),
        verdict={"yes": True, "no": False}.get(first),
    )


def days_in(stems: Iterable[str]) -> set[str]:
    return {found[1] for one in stems if (found := _DAY_OF_WEEK.fullmatch(one))}
