"""The kind of value that a question asks for, told by the answers to questions like it; and the
only value of that kind where the passages have but one. Pure.

Questions for a time-out were answered with milliseconds, those for a region with `eu-west-1`. Where
all that is said of a thing has one value of that form, its wording need not be that of any answer
before.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from router.evidence.claims import counted_things
from router.evidence.denials import denied_around
from router.evidence.quantities import Kind, Quantity, quantities
from router.evidence.sources import Source, is_contrary, is_elsewhere, read_source
from router.evidence.wanted import DURATION
from router.precedents.facts import Near
from router.precedents.frames import Precedent, made_once, mentions
from router.precedents.leads import Lead, Subject, is_wanted
from router.precedents.others import is_held_by_another, is_of_another
from router.prompts import Passage
from router.text import Folded, Word, fold, words

Form = tuple[str, ...]
"""How a value is written: a quantity by its unit or by what it counts, a token by its signs."""

Told = Mapping[str, Sequence[Precedent]]
"""Precedents by their sentence."""

# Of cosines: how near the nearest question must be, and how near to it the others that tell the
# kind, of so many. On one company from the first on 54 of 54 values were right, and below 0 of 2.
LEAST_ALIKE, WITHIN, MOST_KIN = 0.6, 0.1, 12
# Of its passage alone, under this likelihood the only value is not the answer either.
LEAST_LIKELY = 0.1

_UNIT, _CLOCK, _COUNT, _RATED, _NUMBER = "unit", "clock", "count", "rate", "number"
_MOMENTS = frozenset({_CLOCK, Kind.DATE.value, Kind.SCHEDULE.value})
_SORTS = frozenset({_COUNT, _RATED, _NUMBER})
# What is written in one piece and has a sign within or before it: `#night`, `eu-west-1`, `/var/x`.
_PIECE = re.compile(r"[^\s,;=()\[\]{}\"'`“”‘’]*[^\s,;=.:!?()\[\]{}\"'`“”‘’]")
# Behind what names a value and is none.
_SETS = re.compile(r"[\"'`]?(?:\s*=|:(?:\s|$))")
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")
# Of the form of such a piece: what no everyday word has, and what a longer one only has more of.
_TELLING, _REPEATED = re.compile(r"[#/_]|a-a-[a9]|a\.a"), re.compile(r"(a[\W_])\1+")
_DAY = re.compile(r"\b(?P<day>mon|tues|wednes|thurs|fri|satur|sun)days?,?(?: at)? $")
_ZONE = re.compile(r" (?:utc|gmt|bst|cest|cet|eet|[ecmp][sd]t|ist|jst)\b")
_RATE = re.compile(r"(?: [^\W\d_]+){0,2}(?: (?:per|a|an|every) [^\W\d_]+|/[^\W\d_]+)")
# The digits of a number that counts nothing: a port has four or five of them.
_LONG = 4


@dataclass(frozen=True, slots=True)
class Value:
    """A value by its place in a folded sentence; `said` is the same for all spellings of it, but
    not in another unit."""

    form: Form
    said: str
    start: int
    end: int


def values_of(folded: str) -> list[Value]:
    """The values of a folded sentence whose form tells their kind, in their order."""
    own_words = words(folded)
    found = [
        value
        for quantity in quantities(folded)
        if (value := _quantity(quantity, folded, own_words))
    ]
    taken = [(one.start, one.end) for one in found]
    pieces = [
        Value((shape,), piece[0], *piece.span())
        for piece in _PIECE.finditer(folded)
        if (shape := _shape(piece[0]))
        and not _SETS.match(folded, piece.end())
        and not any(start < piece.end() and piece.start() < end for start, end in taken)
    ]
    return sorted([*found, *pieces], key=lambda one: one.start)


def _quantity(quantity: Quantity, folded: str, own_words: Sequence[Word]) -> Value | None:
    value, start, end = quantity.value, quantity.start, quantity.end
    if quantity.kind is Kind.TIME:
        zone = _ZONE.match(folded, end)
        end = zone.end() if zone else end
        if day := _DAY.search(folded, 0, start):
            return Value((_CLOCK, "day"), f"{day['day']} {value}", day.start(), end)
        return Value((_CLOCK,), value, start, end)
    if quantity.kind in (Kind.DATE, Kind.SCHEDULE):
        return Value((quantity.kind.value,), value, start, end)
    if quantity.units:
        form = _UNIT, quantity.units[0].dimension, str(quantity.units[0].factor)
        return Value(form, " ".join((value, *form)), start, end)
    if quantity.per:
        rate = _RATE.match(folded, end)
        return Value((_RATED,), f"{value} {quantity.per}", start, rate.end() if rate else end)
    if counted_things(quantity, own_words):
        first = next(word for word in own_words if word.start == end + 1)
        return Value((_COUNT, first.stem), value, start, first.end)
    if len(value) >= _LONG and value.isdigit():
        return Value((_NUMBER,), value, start, end)
    return None


@lru_cache(maxsize=20_000)
def _shape(piece: str) -> str:
    """`a-a-9` of `eu-west-1`; empty, where it is written as any word or number is."""
    shape = _DIGITS.sub("9", _LETTERS.sub("a", piece))
    return _REPEATED.sub(r"\1", shape) if "a" in shape and _TELLING.search(shape) else ""


@made_once
def value_of(precedent: Precedent) -> Value | None:
    """The value that its answer is, in its sentence; None: it has no form, or is more than one."""
    inside = [one for one in values_of(precedent.sentence) if _overlap(precedent, one)]
    is_most = len(inside) == 1 and 2 * _length(inside[0]) >= _length(precedent)
    return inside[0] if is_most else None


def _overlap(one: Precedent | Value, other: Precedent | Value) -> bool:
    return one.start < other.end and other.start < one.end


def _length(one: Precedent | Value) -> int:
    return one.end - one.start


# --- The only one ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kin:
    """The nearest question of a collection that people wrote, its cosine, and the forms of its
    answer and of those to the ones about as near. `alike` are the cosines of all that are near,
    `told` all precedents by their sentence."""

    nearest: Precedent
    cosine: float
    forms: frozenset[Form]
    alike: Mapping[Precedent, float]
    told: Told

    def answers_else(self, sentence: str, value: Value) -> bool:
        """Whether a value is known to be what was asked for in questions less near than these."""
        told = self.told.get(sentence, ())
        known = [one for one in told if one.is_written and _overlap(one, value)]
        return bool(known) and max(map(self._alike, known)) < self.cosine - WITHIN

    def is_of_another_kind(self, said: str) -> bool:
        """Whether an answer is a value of another sort than those to all questions like it: a share
        where these were times."""
        sorts = {_sort(value.form) for value in values_of(fold(said).text)}
        return bool(sorts) and sorts.isdisjoint(map(_sort, self.forms))

    def _alike(self, precedent: Precedent) -> float:
        return self.alike.get(precedent, 0.0)


def kin_of(near: Sequence[Near], asking: Sequence[Near], told: Told) -> Kin | None:
    """None, where one of the nearest was answered with what has no form, or they were with several
    kinds, or none is near. `near` begins with the nearest, and so do those of it that are
    `asking`."""
    usable = (one for one in asking if one[0].is_written and one[0].names)
    kin = list(islice(usable, MOST_KIN))
    if not kin or kin[0][1] < LEAST_ALIKE:
        return None
    nearest, cosine = kin[0]
    values = [value_of(one) for one, alike in kin if alike >= cosine - WITHIN]
    forms = frozenset(value.form for value in values if value)
    if None in values or len({_kind(form) for form in forms}) > 1:
        return None
    return Kin(nearest, cosine, forms, dict(near), told)


def only_value(
    subject: Subject, passages: Sequence[Passage], kin: Sequence[Kin | None]
) -> Lead | None:
    """The value of the kind that the nearest questions were answered with, where the passages that
    name what is asked about have but one that is not known to answer something else; None: they
    have none or several.

    `kin` are those of each passage's collection. The score is the cosine of the nearest question.
    """
    if not subject.named:
        return None
    found: dict[str, Lead] = {}
    for number, (passage, own) in enumerate(zip(passages, kin, strict=True)):
        source = read_source(passage)
        if own is None or not subject.is_named_in(source):
            continue
        for sentence, value in _values_in(source, subject, own.forms):
            if own.answers_else(sentence.text, value):
                continue
            settled = Lead(
                number,
                *sentence.span(value),
                (sentence.start, sentence.end),
                own.nearest.question,
                own.cosine,
                is_worded=False,
                is_kin=True,
            )
            found.setdefault(value.said, settled)
    return found.popitem()[1] if len(found) == 1 else None


def _kind(form: Form) -> Form:
    """Seconds, months and years are of one kind."""
    if form[0] != _UNIT:
        return form
    return _UNIT, "time" if form[1] in DURATION else form[1]


def _sort(form: Form) -> Form:
    """The same for all that is counted, whatever that is called, for all moments, and for all that
    is written in one piece, as paths are of one length and another."""
    if form[0] in _MOMENTS:
        return ("moment",)
    if form[0] == _UNIT:
        return _kind(form)
    return form[:1] if form[0] in _SORTS else ("piece",)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence of a passage, from `start` to `end`, folded."""

    start: int
    end: int
    folded: Folded

    @property
    def text(self) -> str:
        return self.folded.text

    def span(self, value: Value) -> tuple[int, int]:
        """Start and end of a value of it in the passage."""
        start, end = (self.folded.original(one) for one in (value.start, value.end))
        return self.start + start, self.start + end


def _values_in(
    source: Source, subject: Subject, forms: AbstractSet[Form]
) -> Iterator[tuple[_Sentence, Value]]:
    is_headed, others = subject.is_headed_in(source), subject.others_in(source)
    for place, one in enumerate(source.sentences):
        if is_elsewhere(subject.asked, source, place) or is_contrary(subject.asked, source, place):
            continue
        sentence = _Sentence(one.start, one.end, fold(source.text[one.start : one.end]))
        # A page about something else may name it in passing.
        if not is_headed and not mentions(sentence.text, subject.keys):
            continue
        found = [value for value in values_of(sentence.text) if value.form in forms]
        if not found or is_held_by_another(source, place, subject.keys, others):
            continue
        own_words = words(sentence.text)
        for value in found:
            if denied_around(sentence.text, own_words, value.start, value.end):
                continue
            if is_of_another(source, place, value, subject.keys, others):
                continue
            written = source.text[slice(*sentence.span(value))]
            if is_wanted(written, subject.asked, source, place):
                yield sentence, value
