"""What precedents make of a question. Asks the embedding server, and no database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import chain, takewhile
from typing import TYPE_CHECKING

from django.conf import settings

from ingestion import tracing
from router.asked_forms import asked_forms
from router.evidence.sources import read_source
from router.precedents.facts import Near, NearFacts
from router.precedents.frames import Precedent, name_key, without_names
from router.precedents.kinds import Kin, Told, kin_of, only_value
from router.precedents.leads import (
    LEAST_ASKED,
    Lead,
    Subject,
    leads_to,
    overlap,
    subject_of,
    usable_of,
)
from router.precedents.shaping import answered_as
from router.precedents.swaps import asked_about_it, named_instead
from router.precedents.wording import ASKS_THE_SAME, in_known_words
from router.text import exact_form, fold

if TYPE_CHECKING:
    from router.asked_forms import AskedForms
    from router.precedents.books import Book
    from router.prompts import Passage


@dataclass(frozen=True, slots=True)
class Findings:
    """What precedents make of a question: the values that they lead to, the nearest first, and the
    same question as it was `worded` before, empty: it was not asked; and of each collection, by its
    primary key, those that are near, all by their sentence, the facts that the near ones ask for,
    and of which kind all their answers are; what of the question is `unnamed` by any passage:
    things that were asked about before, or the words by which alone it differs from one of these;
    and the forms that the answer may have, None: nobody knows.
    """

    leads: Sequence[Lead] = ()
    near: Mapping[int, Sequence[Near]] = field(default_factory=dict)
    told: Mapping[int, Told] = field(default_factory=dict)
    worded: str = ""
    facts: Mapping[int, NearFacts] = field(default_factory=dict)
    unnamed: tuple[str, ...] = ()
    kin: Mapping[int, Kin | None] = field(default_factory=dict)
    forms: AskedForms | None = None

    def is_of_others(self, collection: int, sentence: str, value: str) -> bool:
        """Whether a value in a sentence is known as the answer to questions, all of which are far
        from this one."""
        known = self._known(collection, sentence, value)
        return bool(known) and not self._is_near(collection, known)

    def is_of_what_others_asked(self, collection: int, sentence: str, value: str) -> bool:
        """The same of what people asked; questions made by rules say little in other words."""
        known = self._known(collection, sentence, value)
        return any(one.is_written for one in known) and not self._is_near(collection, known)

    def _is_near(self, collection: int, known: Collection[Precedent]) -> bool:
        near = takewhile(lambda one: one[1] >= LEAST_ASKED, self.near.get(collection, ()))
        return any(one in known for one, _ in near)

    def is_of_another_form(self, value: str) -> bool:
        """Whether a value is written as next to no answer to this question is."""
        return self.forms is not None and not self.forms.may_be(value)

    def is_not_asked_for(self, collection: int, sentence: str, value: str) -> bool:
        """Whether a value in a sentence is known as the answer to what is surely not asked for, or
        of another kind than what was answered to all questions like it."""
        kin = self.kin.get(collection)
        if kin is not None and kin.is_of_another_kind(value):
            return True
        facts = self.facts.get(collection)
        known = self._known(collection, sentence, value)
        return facts is not None and facts.are_not_asked_for(known)

    def as_answered(self, collection: int, answer: str) -> str:
        """An answer in the manner in which people were answered who asked the same: without what
        stands around the one value of that kind."""
        near = takewhile(lambda one: one[1] >= ASKS_THE_SAME, self.near.get(collection, ()))
        before = next((one.answer for one, _ in near if one.is_written), "")
        return answered_as(before, answer) if before else answer

    def _known(self, collection: int, sentence: str, value: str) -> list[Precedent]:
        """The precedents that found this value in this sentence, or one that is a part of the
        other: `on Fridays` and `Fridays`."""
        told = self.told.get(collection, {}).get(fold(sentence).text, ())
        return [one for one in told if _is_part(one.answer, value) or _is_part(value, one.answer)]


def find(
    question: str,
    passages: Sequence[Passage],
    collections: Sequence[int],
    books: Sequence[Book],
    *,
    is_new: bool = False,
) -> Findings:
    """What the precedents of `books` make of a question beside the passages found.

    `collections` are those of the passages: one is held against precedents of its own, so that who
    may read it may read the question that was answered before. `is_new`: as if nobody had asked
    that very question. Nothing as well while no embedding server answers.
    """
    if not (books and passages):
        return Findings()
    return _found(question, passages, collections, books, is_new=is_new)


@tracing.span("precedent")
def _found(
    question: str,
    passages: Sequence[Passage],
    collections: Sequence[int],
    books: Sequence[Book],
    *,
    is_new: bool,
) -> Findings:
    # The web process starts without the client's libraries.
    from router.retrieval.embeddings import EmbeddingsUnavailable, ServerEmbeddings

    things = frozenset[str]().union(*(book.things for book in books))
    subject = subject_of(question, passages, things)
    own = things | subject.titled
    try:
        vector = ServerEmbeddings(settings.PARAPHRASE_MODEL).one(without_names(question, own))
    except EmbeddingsUnavailable:
        return Findings()
    near = {book.collection: book.near(vector) for book in books}
    if is_new:
        near = {
            collection: [one for one in those if one[0].question != question]
            for collection, those in near.items()
        }
    told = {book.collection: book.told for book in books}
    asking = {one: subject.asking(near[one]) for one in near}
    kin = {one: kin_of(near[one], asking[one], told[one]) for one in near}
    only = only_value(subject, passages, [kin.get(one) for one in collections])
    facts = {one: NearFacts(asking[one]) for one in near}
    usable = {one: usable_of(asking[one], facts[one]) for one in near}
    said = leads_to(subject, passages, [usable.get(one, []) for one in collections])
    nearest = merge(*near.values(), key=lambda one: -one[1])
    worded = in_known_words(question, nearest, subject)
    asked = asked_about_it(question, own, _stems_of(passages))
    unnamed = named_instead(asked, chain.from_iterable(asking.values()))
    unnamed = unnamed or untold(subject, passages, [told.get(one, {}) for one in collections])
    leads, forms = joined(only, said), asked_forms(question, vector)
    findings = Findings(leads, near, told, worded, facts, unnamed, kin, forms)
    return replace(findings, leads=_asked_for(findings, passages, collections))


def untold(subject: Subject, passages: Sequence[Passage], told: Sequence[Told]) -> tuple[str, ...]:
    """The things asked about before of which nothing is told: no passage names them, and none has a
    sentence by which a question about them was answered, as for what people call otherwise than
    documents do. `told` has the precedents of each passage's collection."""
    unnamed = subject.unnamed_in(passages)
    if not unnamed:
        return ()
    known = {
        name
        for passage, by_sentence in zip(passages, told, strict=True)
        for sentence in read_source(passage).sentences
        for one in by_sentence.get(fold(passage.text[sentence.start : sentence.end]).text, ())
        for name in one.names
    }
    return tuple(thing for thing in unnamed if name_key(thing) not in known)


def _stems_of(passages: Sequence[Passage]) -> frozenset[str]:
    sources = map(read_source, passages)
    return frozenset[str]().union(*(one.stems | one.context_stems for one in sources))


def _asked_for(
    findings: Findings, passages: Sequence[Passage], collections: Sequence[int]
) -> list[Lead]:
    """The values without those of another form, and those that are known to answer something else:
    a sentence about that may be worded like the one about what is asked for."""

    def is_asked_for(lead: Lead) -> bool:
        value, passage = lead.value(passages), passages[lead.passage]
        sentence = passage.text[slice(*lead.sentence)]
        is_other = findings.is_not_asked_for(collections[lead.passage], sentence, value)
        return not (is_other or findings.is_of_another_form(value))

    return list(filter(is_asked_for, findings.leads))


def joined(only: Lead | None, said: Sequence[Lead]) -> list[Lead]:
    """The values `said` in the words of precedents, with the `only` one of its kind among them."""
    if only is None:
        return list(said)
    # It is the only one of the kind that people asked for, so they lead there, too.
    found = [
        replace(one, is_kin=True, is_written=True) if overlap(one, only) else one for one in said
    ]
    return found if any(one.is_kin for one in found) else [*found, only]


def _is_part(text: str, whole: str) -> bool:
    return f" {exact_form(text)} " in f" {exact_form(whole)} "
