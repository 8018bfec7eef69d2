"""Where a passage says what a pair claims. Pure.

Texts are compared without white space and markup, so that a quotation from Markdown is found in
the plain text that a passage keeps; what is found is told in characters of the passage.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from router.evidence.quantities import agree, quantities
from router.text import exact_form, fold, is_content, sentences, words
from training.identity import fact_key

_MARKUP = frozenset("*_`~#|\\")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_OUTER = " \t\n.,;:!?\"'“”‘’„…()"
# Of the content words of a quotation that is not in a passage word for word, but whose row or
# line may be: a table's row is told in another form than the source had it.
SAME_LINE = 0.6


@dataclass(frozen=True)
class Source:
    """A passage that can be evidence. `headings` are above it, joined by line breaks."""

    content_hash: str
    text: str
    headings: str = ""

    @cached_property
    def squeezed(self) -> Squeezed:
        return squeeze(self.text)

    @cached_property
    def lines(self) -> list[tuple[int, int]]:
        """Its sentences, rows and lines."""
        return sentences(self.text)

    @cached_property
    def heading_stems(self) -> frozenset[str]:
        return content_stems(self.headings)


@dataclass(frozen=True, slots=True)
class Squeezed:
    """A folded text without white space and markup; `places` lead back to the original."""

    text: str
    places: tuple[int, ...]

    def find(self, wanted: str, start: int = 0, end: int | None = None) -> Iterator[_Span]:
        """The places of the original, between `start` and `end`, that hold `wanted` whole."""
        if not wanted:
            return
        at = self.text.find(wanted)
        while at >= 0:
            span = (self.places[at], self.places[at + len(wanted) - 1] + 1)
            if start <= span[0] and (end is None or span[1] <= end):
                yield span
            at = self.text.find(wanted, at + 1)


_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tie:
    """The words of a passage that bear a pair out, and the fact that they tell."""

    content_hash: str
    start: int
    end: int
    evidence: str
    fact_id: str


def tie(question: str, answer: str, evidence: str, sources: Sequence[Source]) -> Tie | None:
    """Where `evidence` stands word for word; else the line that holds the answer and shares most
    words with the question (and with the evidence, if some was given); else nowhere."""
    return quoted(question, answer, evidence, sources) or holding(
        question, answer, sources, evidence
    )


def quoted(question: str, answer: str, evidence: str, sources: Iterable[Source]) -> Tie | None:
    """Where `evidence` stands word for word and does not speak of other numbers than the answer.

    Of several places, the one nearest to the question.
    """
    plain = _TAG.sub("", evidence)
    for wording in (plain, plain.strip(_OUTER)):
        wanted = squeeze(wording).text
        found = [
            (source, span)
            for source in sources
            for span in source.squeezed.find(wanted)
            if _is_whole(source.text, span) and _agrees(source, span, answer)
        ]
        if found:
            asked = content_stems(question)
            source, span = max(found, key=lambda one: _shared(asked, one[0], one[1]))
            return tie_at(source, span, answer)
    return None


def holding(
    question: str, answer: str, sources: Iterable[Source], evidence: str = ""
) -> Tie | None:
    """The sentence, row or line with the answer that shares most words with the question."""
    asked, said = content_stems(question), content_stems(evidence)
    best, best_tie = (0, 0), None
    for source in sources:
        for place in _answers(source, answer, 0, len(source.text)):
            line = _line_around(source, place)
            if said and not _alike(said, content_stems(source.text[slice(*line)])):
                continue
            shared = _shared(asked, source, line)
            if shared > best:
                best, best_tie = shared, _tie(source, line, place, answer, is_answer=True)
    return best_tie


def tie_at(source: Source, span: _Span, answer: str) -> Tie:
    """The tie to known evidence: `span` in characters of the passage."""
    place = next(_answers(source, answer, *span), None)
    return _tie(source, span, place or span, answer, is_answer=place is not None)


def has_answer(tied: Tie, answer: str) -> bool:
    """Whether the evidence holds the answer's own words."""
    source = Source(tied.content_hash, tied.evidence)
    return next(_answers(source, answer, 0, len(tied.evidence)), None) is not None


def squeeze(text: str) -> Squeezed:
    folded = fold(text)
    kept = [
        (character, folded.original(place))
        for place, character in enumerate(folded.text)
        if not character.isspace() and character not in _MARKUP
    ]
    return Squeezed("".join(c for c, _ in kept), tuple(place for _, place in kept))


def content_stems(text: str) -> frozenset[str]:
    return frozenset(word.stem for word in words(fold(text).text) if is_content(word))


def _tie(source: Source, span: _Span, place: _Span, answer: str, *, is_answer: bool) -> Tie:
    return Tie(
        content_hash=source.content_hash,
        start=span[0],
        end=span[1],
        evidence=source.text[slice(*span)],
        fact_id=fact_key(source.content_hash, place, answer, is_answer=is_answer),
    )


def _answers(source: Source, answer: str, start: int, end: int) -> Iterator[_Span]:
    """Where the answer's words stand whole, as they are given or without articles around them."""
    for wording in dict.fromkeys((answer.strip(_OUTER), exact_form(answer))):
        found = False
        for span in source.squeezed.find(squeeze(wording).text, start, end):
            if _is_whole(source.text, span):
                found = True
                yield span
        if found:
            return


def _agrees(source: Source, span: _Span, answer: str) -> bool:
    """Whether the words hold the answer, or at least each quantity of it, such as `2 min` in
    `120 seconds`. An answer in other words without any is left to whoever wrote it."""
    if next(_answers(source, answer, *span), None) is not None:
        return True
    evidence = fold(source.text[slice(*span)]).text
    nearby = frozenset(word.text for word in words(f"{fold(source.headings).text} {evidence}"))
    found = quantities(evidence)
    return all(
        any(agree(said, one, nearby, frozenset()) for one in found)
        for said in quantities(fold(answer).text)
    )


def _is_whole(text: str, span: _Span) -> bool:
    """Whether no word or number goes on before or after: 5 is not in 15, 1.5, 5.2 or 05:40."""
    before, after = text[max(span[0] - 2, 0) : span[0]], text[span[1] : span[1] + 2]
    first, last = text[span[0]], text[span[1] - 1]
    if first.isalnum() and before and _goes_on(before[-1], before[:-1]):
        return False
    return not (last.isalnum() and after and _goes_on(after[0], after[1:]))


def _goes_on(near: str, far: str) -> bool:
    return near.isalnum() or near == "_" or (near in ".,:" and far.isdigit())


def _line_around(source: Source, place: _Span) -> _Span:
    """From the line that the place begins in to the end of the one that it ends in."""
    starts = [start for start, _ in source.lines]
    first = source.lines[max(bisect_right(starts, place[0]) - 1, 0)]
    last = source.lines[max(bisect_right(starts, place[1] - 1) - 1, 0)]
    return first[0], last[1]


def _shared(asked: frozenset[str], source: Source, line: _Span) -> tuple[int, int]:
    """How many words of the question the line has with its headings, and how many without."""
    said = content_stems(source.text[slice(*line)])
    return len(asked & (said | source.heading_stems)), len(asked & said)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= SAME_LINE * max(min(len(one), len(other)), 1)
