"""Pairs that the model of questions adds to what was mined, where no person has asked anything.

They are known by their words, so that it may run at any time and any number of times.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from django.db import transaction

from ingestion.models import Chunk, Collection, Document, DocumentVersion
from router.prompts import Passage, passage_of
from router.quoting import on_one_line
from training import conflicts
from training.evidence import Source, tie_at
from training.identity import question_key
from training.models import QAPair
from training.pairs import new_pair, retie, set_tie
from training.synthesis.asker import chat, may_be_asked, questions_in
from training.synthesis.subjects import Subject, subject_of
from training.synthesis.unasked import Told, unasked
from training.synthesis.versions import passages_of, teachable

Chat = Sequence[Mapping[str, str]]
Ask = Callable[[Mapping[int, Chat]], Mapping[int, str]]
"""What the model writes to each chat, by its number; to some perhaps nothing."""


# Lines that are asked about at a time; what is left is asked about by the next run.
MOST = 400


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line with its answer, for which questions are wanted."""

    document: Document
    source: Source
    passage: Passage
    subject: Subject
    told: Told

    @property
    def chat(self) -> Chat:
        return chat(self.told, self.passage)

    @property
    def number(self) -> int:
        """The same for the same chat, whatever else is asked."""
        return int.from_bytes(hashlib.sha256(repr(self.chat).encode()).digest()[:6])


def ask_more(collection: Collection, *, ask: Ask) -> int:
    """Keep questions on what the documents without people's pairs say; returns how many pairs are
    new. Raises what `ask` raises."""
    wanted = {one.number: one for one in islice(_by_turns(collection), MOST)}
    if not wanted:
        return 0
    said = ask({number: one.chat for number, one in wanted.items()})
    written = [
        (one, questions_in(said[number], one.told, one.passage, one.subject))
        for number, one in wanted.items()
        if number in said
    ]
    return _keep(collection, _clear(written))


def _by_turns(collection: Collection) -> Iterator[Wanted]:
    versions = (
        teachable()
        .filter(document__collection=collection)
        .exclude(document__in=_with_pairs_of_people(collection))
        .select_related("document__collection")
        .order_by("document__path")
    )
    of_each = [_wanted(version) for version in versions]
    return (one for one in chain.from_iterable(zip_longest(*of_each)) if one is not None)


def _with_pairs_of_people(collection: Collection) -> Iterable[int]:
    """What they ask is what matters there."""
    theirs = QAPair.objects.live().filter(origin__in=QAPair.BY_PEOPLE)
    theirs = theirs.exclude(review=QAPair.Review.REJECTED)
    return theirs.filter(document__collection=collection).values_list("document", flat=True)


def _wanted(version: DocumentVersion) -> Iterator[Wanted]:
    pairs: dict[str, list[QAPair]] = defaultdict(list)
    for pair in QAPair.objects.live().filter(document=version.document).order_by("start", "pk"):
        pairs[pair.content_hash].append(pair)
    for chunk, read in passages_of(version):
        passage = passage_of(chunk)
        source, subject = Source(chunk.content_hash, chunk.text), subject_of(read)
        known = pairs[chunk.content_hash]
        told = [_told(chunk, pair) for pair in known]
        mined = [one for one, pair in zip(told, known, strict=True) if _is_mined(pair)]
        asked = {one.answer for one, pair in zip(told, known, strict=True) if _is_asked(pair)}
        open_ = [one for one in dict.fromkeys(mined) if one.answer not in asked]
        for one in sorted([*open_, *unasked(read, told, passage.source)], key=_place):
            if may_be_asked(one.answer):
                yield Wanted(version.document, source, passage, subject, one)


def _told(chunk: Chunk, pair: QAPair) -> Told:
    start, end = pair.start or 0, pair.end or 0
    return Told(start, end, on_one_line(chunk.text[start:end]).strip(), pair.answer)


def _is_mined(pair: QAPair) -> bool:
    return pair.origin == QAPair.Origin.MINED and pair.review == QAPair.Review.APPROVED


def _is_asked(pair: QAPair) -> bool:
    return pair.origin == QAPair.Origin.ASKED


def _place(told: Told) -> tuple[int, str]:
    return told.start, told.answer


Written = tuple[Wanted, list[str]]


def _clear(written: Sequence[Written]) -> list[Written]:
    """Without the questions that two of the lines answer differently."""
    answers: dict[str, set[str]] = defaultdict(set)
    for one, questions in written:
        for question in questions:
            answers[question_key(question)].add(one.told.answer)
    return [
        (one, [question for question in questions if len(answers[question_key(question)]) == 1])
        for one, questions in written
    ]


@transaction.atomic
def _keep(collection: Collection, written: Iterable[Written]) -> int:
    """Leaves out what the collection asks already, whatever it answers."""
    pairs = [_pair(one, question) for one, questions in written for question in questions]
    keys = {pair.question_key for pair in pairs}
    live = QAPair.objects.live().filter(document__collection=collection, question_key__in=keys)
    taken = set(live.values_list("question_key", flat=True))
    documents = {pair.document_id for pair in pairs}
    known = {
        (pair.document_id, pair.key): pair
        for pair in QAPair.objects.filter(document__in=documents, question_key__in=keys)
    }
    new: dict[tuple[int, str], QAPair] = {}
    for pair in pairs:
        if pair.question_key in taken:
            continue
        if same := known.get((pair.document_id, pair.key)):
            retie(same, pair)
        else:
            new.setdefault((pair.document_id, pair.key), pair)
    QAPair.objects.bulk_create(new.values(), ignore_conflicts=True, batch_size=500)
    conflicts.settle(collection.pk, keys)
    return len(new)


def _pair(one: Wanted, question: str) -> QAPair:
    tied = tie_at(one.source, (one.told.start, one.told.end), one.told.answer)
    pair = new_pair(one.document, question, one.told.answer, origin=QAPair.Origin.ASKED)
    return set_tie(pair, tied)
