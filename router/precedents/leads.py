"""Where questions that were answered before lead to in the passages: values, each with how near its
precedent is. Pure; `choosing` tells which of them is the answer."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from router.concise import without_lead_in
from router.evidence.environments import PRODUCTION, environments_asked
from router.evidence.focus import shows
from router.evidence.named import without_compounds
from router.evidence.quantities import quantities
from router.evidence.questions import Question
from router.evidence.sources import Source, is_contrary, is_elsewhere, names, read_source
from router.evidence.wanted import are_of_one_sort
from router.precedents.contraries import without_contraries
from router.precedents.facts import Near, NearFacts
from router.precedents.frames import (
    Fitting,
    Frame,
    Precedent,
    fit,
    frame_of,
    made_once,
    mentioned,
    mentions,
    name_key,
    named_in,
    tokens_of,
)
from router.precedents.others import is_held_by_another, is_of_another, names_another
from router.precedents.shaping import of_its_kind
from router.prompts import Passage
from router.text import exact_form, fold, words
from router.verification import asked_of_passages, titles_of

# The share of a sentence and of a frame that must be the same.
LEAST_LIKENESS = 0.6
# Of cosines: nothing farther is a precedent.
NEAR_ENOUGH = 0.45
# The score is the cosine of the questions times the root of the likeness of the sentences, and so
# much less for a question made by rules, as these say little in other words.
FOR_MINED = 0.1
# Values that may be the answer.
MOST_LEADS = 5
# Of cosines: what was asked for in no nearer question is not what is asked for.
LEAST_ASKED = 0.5
# Words that a value may have more than the answer before it.
_MORE_WORDS = 4
# More frames than so many are not tried.
MOST_NEAR = 200

Usable = tuple[Precedent, Frame, float]
"""A precedent that may tell what is asked for, its frame, and how near what it asks for is."""
_Found = tuple[float, Precedent, Fitting]
"""Score, and where a precedent finds its value."""


@dataclass(frozen=True, slots=True)
class Lead:
    """A value by the number of its passage, from 0, and its start and end there. `sentence` are
    those of the sentence around it; `question` is the one that was answered before. `is_worded`:
    its words lead to the value, as near as the score says; `is_kin`: it is the only value of the
    kind that questions like it were answered with; `is_written`: by a person one was asked that
    leads there, and not only by rules."""

    passage: int
    start: int
    end: int
    sentence: tuple[int, int]
    question: str
    score: float
    is_worded: bool = True
    is_kin: bool = False
    is_written: bool = True

    @property
    def span(self) -> tuple[int, int, int]:
        """Of its sentence."""
        return self.passage, *self.sentence

    def value(self, passages: Sequence[Passage]) -> str:
        text = passages[self.passage].text
        return without_lead_in(text[self.start : self.end], text)


def overlap(one: Lead, other: Lead) -> bool:
    """Whether both are the same value at the same place, or one is a part of the other."""
    return one.passage == other.passage and one.start < other.end and other.start < one.end


@dataclass(frozen=True, slots=True)
class Subject:
    """A question by its `text`, and what it asks about: `named` as it is typed, with the `longer`
    names of other things that have it in theirs, and their `keys`, of which titles have those that
    are `titled`; `things` are those of them that were asked about before, as they are typed, and
    `others` the keys of other things."""

    text: str
    asked: Question
    named: tuple[str, ...]
    keys: frozenset[str]
    longer: Mapping[str, Sequence[str]]
    titled: frozenset[str] = frozenset()
    things: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()

    def is_named_in(self, source: Source) -> bool:
        """Whether a passage names all of it."""
        return all(names(source, name, self.longer.get(name, ())) for name in self.named)

    def unnamed_in(self, passages: Sequence[Passage]) -> tuple[str, ...]:
        """The things asked about before that no passage names."""
        sources = [read_source(passage) for passage in passages]
        return tuple(
            thing
            for thing in self.things
            if not any(names(one, thing, self.longer.get(thing, ())) for one in sources)
        )

    def is_headed_in(self, source: Source) -> bool:
        """Whether the title or the headings of a passage name it, and the innermost no other thing,
        so that its sentences need not; so it is where nothing is named."""
        if not self.keys:
            return True
        is_named = bool(mentions(source.context, self.keys))
        return is_named and not names_another(source.section, self.keys, self.others_in(source))

    def others_in(self, source: Source) -> frozenset[str]:
        """Other things than a passage is about: a title may have several names of one thing."""
        named = mentioned(source.title, self.keys | self.others)
        return self.others if named.isdisjoint(self.keys) else self.others - named

    def asking(self, near: Iterable[Near]) -> list[Near]:
        """Those questions answered before that may tell what is asked for here."""
        asking = [one for one in near if self._is_asked_by(one[0])]
        return without_contraries(self.text, self.asked.sides, asking)

    def _is_asked_by(self, precedent: Precedent) -> bool:
        """Whether a question answered before may tell what is asked for here."""
        if not (self.named or not precedent.names):
            return False
        return not (_asks_for_more(precedent, self.keys) or _is_of_elsewhere(precedent, self.asked))


def subject_of(question: str, passages: Sequence[Passage], things: AbstractSet[str]) -> Subject:
    """`things` are the keys of what has questions of its own."""
    titles, asked = titles_of(passages), asked_of_passages(question, passages)
    spelled = _spelled(question, things)
    told = without_compounds(question, named_in(question), titles, spelled)
    named = (*spelled, *told, *asked.entities)
    longer = {name: asked.longer_than(name) for name in asked.entities}
    keys = frozenset(map(name_key, (*named, *(asked.whole_name(name) for name in named))))
    # The end of a name is short for it: `the gauge` of Tide Gauge.
    ends = tuple(one for one in things if any(key.endswith(one) for key in keys))
    others = frozenset(things).difference(ends) if keys else frozenset[str]()
    titled = frozenset[str]().union(*(mentioned(title, keys) for title in titles))
    return Subject(question, asked, named, keys, longer, titled, tuple(spelled), others)


def leads_to(
    subject: Subject, passages: Sequence[Passage], usable: Sequence[Sequence[Usable]]
) -> list[Lead]:
    """The values that the sentences of precedents lead to, each by its best, the nearest first.

    `usable` are those that each passage is held against. A passage counts only if it names all that
    the question does, and a sentence if it says itself of what it tells, or the headings above it
    do.
    """
    best: dict[str, Lead] = {}
    for number, (passage, precedents) in enumerate(zip(passages, usable, strict=True)):
        source = read_source(passage)
        if subject.is_named_in(source):
            for lead in _of_sentences(number, source, precedents, subject):
                value = exact_form(lead.value(passages))
                if value not in best or best[value].score < lead.score:
                    best[value] = lead
    return sorted(best.values(), key=lambda one: -one.score)[:MOST_LEADS]


def _spelled(text: str, known: AbstractSet[str]) -> list[str]:
    """The known names in a text, as they are written there."""
    folded = fold(text).text
    return [folded[start:end] for start, end in mentions(folded, known)]


def usable_of(asking: Sequence[Near], facts: NearFacts) -> list[Usable]:
    """Of questions that may tell what is asked for the nearest of each frame, as its others lead to
    the same value, the nearest first; without those for what is not asked for by these `facts`."""
    usable: dict[tuple[Frame, bool], Usable] = {}
    for precedent, cosine in _as_facts(asking):
        frame = frame_of(precedent)
        if frame is not None and not facts.are_not_asked_for([precedent]):
            usable.setdefault((frame, precedent.is_written), (precedent, frame, cosine))
    return list(usable.values())[:MOST_NEAR]


def _as_facts(near: Sequence[Near]) -> list[Near]:
    """What people asked, as near as any question for the same is, those made by rules less by
    `FOR_MINED`: another document may have answered one in other words."""
    nearest: dict[str, float] = {}
    for precedent, cosine in near:
        own = cosine if precedent.is_written else cosine - FOR_MINED
        nearest[precedent.fact] = max(own, nearest.get(precedent.fact, 0.0))
    told = [
        (one, max(cosine, nearest[one.fact]) if one.fact and one.is_written else cosine)
        for one, cosine in near
    ]
    return sorted(told, key=lambda one: -one[1])


def _asks_for_more(precedent: Precedent, named: AbstractSet[str]) -> bool:
    """Whether its question names a part of its answer, and this one does not: *Which Python
    version?* asks for the version of Python, and for no other."""
    others = (precedent.names | precedent.beside) - named
    return not others.isdisjoint(map(name_key, precedent.answer.split()))


def _is_of_elsewhere(precedent: Precedent, asked: Question) -> bool:
    """Whether its question is about an environment that this one does not speak of: what is said
    without naming any is said of production."""
    return bool(_environments_of(precedent) - asked.environments - {PRODUCTION})


@made_once
def _environments_of(precedent: Precedent) -> frozenset[str]:
    return environments_asked(fold(precedent.question).text)


def _of_sentences(
    number: int,
    source: Source,
    usable: Sequence[Usable],
    subject: Subject,
) -> Iterator[Lead]:
    """The best candidate of each value of each sentence of a passage that has one."""
    asked, named = subject.asked, subject.keys
    is_headed, others = subject.is_headed_in(source), subject.others_in(source)
    usable = [one for one in usable if not one[1].is_bare or _names_one_of(one[0], named)]
    for place, sentence in enumerate(source.sentences):
        if is_elsewhere(asked, source, place) or is_contrary(asked, source, place):
            continue
        line = source.text[sentence.start : sentence.end]
        folded = fold(line)
        tokens = tokens_of(folded.text, named)
        found = [
            (_score(precedent, cosine, fitting), precedent, fitting)
            for precedent, frame, cosine in usable
            if (frame.has_name or is_headed)
            and (fitting := fit(frame, folded.text, tokens, LEAST_LIKENESS))
            and _is_alike(precedent.answer, folded.text[fitting.start : fitting.end])
            and not _says_again(precedent, folded.text[fitting.start : fitting.end], named)
            and (
                _has_other_names(precedent, named | others)
                or not is_of_another(source, place, fitting, named, others)
            )
            and is_wanted(
                line[folded.original(fitting.start) : folded.original(fitting.end)],
                asked,
                source,
                place,
            )
        ]
        if found and is_held_by_another(source, place, named, others):
            continue
        for alike in _by_place(found):
            score, best, _ = max(alike, key=lambda one: one[0])
            # Rules take the whole cell for the value, where people know which part of it is asked.
            # A line that fits one in full may fit `the <value>` in full as well.
            _, told, fitting = max(
                alike, key=lambda one: (one[1].is_written, one[2].likeness, one[0])
            )
            start, end = (folded.original(end) for end in (fitting.start, fitting.end))
            first, last = of_its_kind(told.answer, line[start:end])
            yield Lead(
                number,
                sentence.start + start + first,
                sentence.start + start + last,
                (sentence.start, sentence.end),
                best.question,
                score,
                is_written=any(one[1].is_written for one in alike),
            )


def _names_one_of(precedent: Precedent, named: AbstractSet[str]) -> bool:
    """Whether its sentence names what is asked about. Where it has no other word, whatever is said
    of another thing would be worded like it: *Dawn-horn wakes the crew*."""
    return bool(mentioned(precedent.sentence, precedent.names & named))


def _has_other_names(precedent: Precedent, known: AbstractSet[str]) -> bool:
    """Whether its sentence names another thing than its question, as then one like it may, too."""
    return bool(mentioned(precedent.sentence, known - precedent.names))


def _by_place(found: Sequence[_Found]) -> list[list[_Found]]:
    """Those whose values overlap together: a row has one for each of its columns."""
    groups: list[list[_Found]] = []
    for one in sorted(found, key=lambda one: (one[2].start, one[2].end)):
        if groups and one[2].start < max(each[2].end for each in groups[-1]):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _score(precedent: Precedent, cosine: float, fitting: Fitting) -> float:
    score = cosine * math.sqrt(fitting.likeness)
    return score if precedent.is_written else score - FOR_MINED


def _is_alike(answer: str, value: str) -> bool:
    """Whether both have figures or neither, and of one sort, and the value is not much longer."""
    if any(map(str.isdigit, answer)) != any(map(str.isdigit, value)):
        return False
    told, found = quantities(fold(answer).text), quantities(value)
    if (told or found) and not are_of_one_sort(told, found):
        return False
    return 0 < len(value.split()) <= len(answer.split()) + _MORE_WORDS


def _says_again(precedent: Precedent, value: str, named: AbstractSet[str]) -> bool:
    """Whether a value says whom it is about, which the answer before did not: *for Dawn-horn is Ada
    Lund*."""
    return _tells_of(value, named) and not _tells_of(fold(precedent.answer).text, precedent.names)


def _tells_of(folded: str, names: AbstractSet[str]) -> bool:
    """Whether one of the names stands there by itself: `#dawn-horn-desk` is another name."""
    around = f" {folded} "
    return any(
        around[start].isspace() and around[end + 1].isspace()
        for start, end in mentions(folded, names)
    )


def is_wanted(value: str, asked: Question, source: Source, place: int) -> bool:
    """Whether it is of the kind that the question asks for, if it asks for one: by its form, or as
    its sentence or the headings call it so and no other one there has the form."""
    folded = fold(value).text
    # The `3` of an address that ends in `/v3` is no number.
    wanted, told = asked.wanted, [] if "://" in folded else list(quantities(folded))
    if wanted is None:
        return True
    called = source.sentences[place].stems | source.heading_stems
    if wanted.is_something_else(called):
        return False
    if any(map(wanted.has_quantity, told)):
        return True
    if wanted.is_no_day(folded):
        return False
    if wanted.is_measure:
        return not told and wanted.is_in_words([word.text for word in words(folded)])
    if wanted.noun is None:
        return not told or wanted.has_token(value)
    if wanted.has_token(value):
        return True
    if any(map(wanted.is_foreign, told)):
        return False
    if wanted.form and shows(source, place, wanted):
        return False
    return any(map(wanted.noun.fullmatch, called))
