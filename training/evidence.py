"""Where a passage says what a pair claims. Pure.

Texts are compared without white space and markup, so that a quotation from Markdown is found in
the plain text that a passage keeps; what is found is told in characters of the passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ingestion.plain_text import without_leader
from router.evidence.quantities import agree, quantities
from router.text import content_stems, exact_form, fold, words
from training.identity import fact_key

_MARKUP = frozenset("*_`~#|\\")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_OUTER = " \t\n.,;:!?\"'“”‘’„…()"


Span = tuple[int, int]
"""In characters of a passage's text."""


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
    def stems(self) -> frozenset[str]:
        return content_stems(f"{self.headings}\n{self.text}")


@dataclass(frozen=True, slots=True)
class Squeezed:
    """A folded text without white space and markup; `places` lead back to the original."""

    text: str
    places: tuple[int, ...]

    def find(self, wanted: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
        """The places of the original, between `start` and `end`, that hold `wanted` whole."""
        if not wanted:
            return
        at = self.text.find(wanted)
        while at >= 0:
            span = (self.places[at], self.places[at + len(wanted) - 1] + 1)
            if start <= span[0] and (end is None or span[1] <= end):
                yield span
            at = self.text.find(wanted, at + 1)


@dataclass(frozen=True, slots=True)
class Tie:
    """The words of a passage that bear a pair out, and the fact that they tell."""

    content_hash: str
    start: int
    end: int
    evidence: str
    fact_id: str


def quoted(question: str, answer: str, evidence: str, sources: Iterable[Source]) -> Tie | None:
    """Where `evidence` stands word for word and does not speak of other numbers than the answer.

    Of several places, the one nearest to the question.
    """
    plain = _TAG.sub("", evidence)
    led = "\n".join(map(without_leader, plain.split("\n")))
    for wording in (plain, plain.strip(_OUTER), led):
        wanted = squeeze(wording).text
        found = [
            (source, span)
            for source in sources
            for span in source.squeezed.find(wanted)
            if _is_whole(source.text, span) and _agrees(source, span, answer)
        ]
        if found:
            asked = content_stems(question)
            source, span = max(found, key=lambda one: len(asked & one[0].stems))
            return tie_at(source, span, answer)
    return None


def tie_at(source: Source, span: Span, answer: str) -> Tie:
    """The tie to known evidence: `span` in characters of the passage."""
    place = next(answers(source, answer, *span), None)
    return Tie(
        content_hash=source.content_hash,
        start=span[0],
        end=span[1],
        evidence=source.text[slice(*span)],
        fact_id=fact_key(source.content_hash, place or span, answer, is_answer=place is not None),
    )


def has_answer(tied: Tie, answer: str) -> bool:
    """Whether the evidence holds the answer's own words."""
    source = Source(tied.content_hash, tied.evidence)
    return next(answers(source, answer, 0, len(tied.evidence)), None) is not None


def squeeze(text: str) -> Squeezed:
    folded = fold(text)
    kept = [
        (character, folded.original(place))
        for place, character in enumerate(folded.text)
        if not character.isspace() and character not in _MARKUP
    ]
    return Squeezed("".join(c for c, _ in kept), tuple(place for _, place in kept))


def answers(source: Source, answer: str, start: int, end: int) -> Iterator[Span]:
    """Where the answer's words stand whole, as they are given or without articles around them."""
    for wording in dict.fromkeys((answer.strip(_OUTER), exact_form(answer))):
        found = False
        for span in source.squeezed.find(squeeze(wording).text, start, end):
            if _is_whole(source.text, span):
                found = True
                yield span
        if found:
            return


def _agrees(source: Source, span: Span, answer: str) -> bool:
    """Whether the words hold the answer, or at least each quantity of it, such as `2 min` in
    `120 seconds`. An answer in other words without any is left to whoever wrote it."""
    if next(answers(source, answer, *span), None) is not None:
        return True
    evidence = fold(source.text[slice(*span)]).text
    nearby = frozenset(word.text for word in words(f"{fold(source.headings).text} {evidence}"))
    found = quantities(evidence)
    return all(
        any(agree(said, one, nearby, frozenset()) for one in found)
        for said in quantities(fold(answer).text)
    )


def _is_whole(text: str, span: Span) -> bool:
    """Whether no word or number goes on before or after: 5 is not in 15, 1.5, 5.2 or 05:40."""
    # Underscores are left out of what is compared, at the end of a name such as `APP_` too.
    before, after = text[: span[0]].rstrip("_")[-2:], text[span[1] :].lstrip("_")[:2]
    first, last = text[span[0]], text[span[1] - 1]
    if first.isalnum() and before and _goes_on(before[-1], before[:-1]):
        return False
    return not (last.isalnum() and after and _goes_on(after[0], after[1:]))


def _goes_on(near: str, far: str) -> bool:
    return near.isalnum() or (near in ".,:" and far.isdigit())
