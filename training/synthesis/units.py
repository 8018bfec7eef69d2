"""One row for each question to the teacher, so that a stopped synthesis goes on where it was.

A unit is claimed by counting its attempt. Its pairs and its end are stored in one transaction, so
a process that is killed anywhere loses at most the call that it waited for, and doubles nothing.
"""

import hashlib

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from ingestion.models import Chunk, Collection
from training import conflicts
from training.dedup import Asked, Compared, Embed, Verdict, compare
from training.identity import question_key
from training.models import QAPair, SynthesisUnit
from training.pairs import new_pair, retie, set_tie
from training.sources import served_text
from training.synthesis.teacher import PROMPT_VERSION, Taught
from training.synthesis.versions import teachable

MAX_ATTEMPTS = 3

State = SynthesisUnit.State


def open_units(collection: Collection, *, seed: int) -> None:
    """Make the missing units of the collection's served passages.

    Whatever was given up by three processes that were killed ends as failed.
    """
    served = _passages(collection).values_list("version__document", "content_hash").distinct()
    SynthesisUnit.objects.bulk_create(
        [
            SynthesisUnit(
                document_id=document_id,
                content_hash=content_hash,
                prompt_version=PROMPT_VERSION,
                teacher=settings.TEACHER_MODEL,
                seed=seed,
                key=_key(content_hash, seed),
            )
            for document_id, content_hash in sorted(served)
        ],
        ignore_conflicts=True,
        batch_size=500,
    )
    _current(collection, seed).filter(state=State.QUEUED, attempts__gte=MAX_ATTEMPTS).update(
        state=State.FAILED, failure="It was interrupted three times."
    )


def waiting(collection: Collection, *, seed: int) -> QuerySet[SynthesisUnit]:
    """Those to be asked, of passages that are still served: the least tried first, and last those
    that failed, on which a teacher may die each time."""
    return (
        _standing(collection, seed)
        .filter(state=State.QUEUED, attempts__lt=MAX_ATTEMPTS)
        .select_related("document")
        .order_by("failure", "attempts", "pk")
    )


def unanswered(collection: Collection, *, seed: int) -> QuerySet[SynthesisUnit]:
    """Those of passages that are still served that were tried and gave nothing, each with its
    reason."""
    return _standing(collection, seed).exclude(state=State.DONE).exclude(failure="")


def passage_of(unit: SynthesisUnit) -> Chunk | None:
    """The unit's passage, if its document still serves it."""
    chunks = Chunk.objects.filter(
        content_hash=unit.content_hash, version__in=teachable().filter(document=unit.document_id)
    )
    return chunks.select_related("version__document").first()


def claim(unit: SynthesisUnit) -> bool:
    """Count an attempt; False when another process has taken the unit."""
    mine = SynthesisUnit.objects.filter(pk=unit.pk, state=State.QUEUED, attempts=unit.attempts)
    return bool(mine.update(attempts=F("attempts") + 1))


def fail(unit: SynthesisUnit, reason: str) -> None:
    """Keep the reason; the last attempt ends the unit. `unit` is as it was when claimed."""
    last = unit.attempts + 1 >= MAX_ATTEMPTS
    SynthesisUnit.objects.filter(pk=unit.pk, state=State.QUEUED).update(
        failure=reason[:500], state=State.FAILED if last else State.QUEUED
    )


def put_back(unit: SynthesisUnit, reason: str) -> None:
    """Keep the reason and count no attempt: there was nobody to ask. `unit` is as it was when
    claimed."""
    SynthesisUnit.objects.filter(pk=unit.pk, state=State.QUEUED).update(
        failure=reason[:500], attempts=F("attempts") - 1
    )


def finish(unit: SynthesisUnit, taught: Taught, embed: Embed | None) -> int:
    """Store what the teacher wrote and end the unit; returns how many pairs only repeated.

    Raises what `embed` raises, before anything is stored.
    """
    document = unit.document
    served = {source.content_hash for source in served_text(document).sources}
    known = {pair.key: pair for pair in QAPair.objects.filter(document=document)}
    current = [pair for pair in known.values() if pair.content_hash in served]
    compared = compare(
        [Asked(one.question, one.answer, one.tie.fact_id) for one in taught.proposals],
        [Asked(pair.question, pair.answer, pair.fact_id) for pair in current],
        embed,
    )
    same_question = {pair.question: pair.question_key for pair in current}
    pairs = [
        _pair(unit, one, taught, same_question)
        for one in compared
        if one.verdict is not Verdict.REPEATS
    ]
    with transaction.atomic():
        mine = SynthesisUnit.objects.filter(pk=unit.pk).exclude(state=State.DONE)
        if mine.update(state=State.DONE, pairs=len(pairs), failure=taught.left_out[:500]):
            for pair in pairs:
                if pair.key in known:
                    retie(known[pair.key], pair)
            new = [pair for pair in pairs if pair.key not in known]
            QAPair.objects.bulk_create(new, ignore_conflicts=True)
            conflicts.settle(document.collection_id, [pair.question_key for pair in pairs])
    return len(compared) - len(pairs)


def _pair(
    unit: SynthesisUnit, one: Compared, taught: Taught, same_question: dict[str, str]
) -> QAPair:
    asked = one.asked
    pair = new_pair(unit.document, asked.question, asked.answer, origin=QAPair.Origin.TEACHER)
    if one.other is not None:
        # Nearly the same words are the same question: so both are found to contradict.
        other = one.other.question
        pair.question_key = same_question.setdefault(other, question_key(other))
    pair.unit = unit
    ties = {(two.question, two.answer): two.tie for two in taught.proposals}
    return set_tie(pair, ties[asked.question, asked.answer])


def _passages(collection: Collection) -> QuerySet[Chunk]:
    return Chunk.objects.filter(version__in=teachable().filter(document__collection=collection))


def _standing(collection: Collection, seed: int) -> QuerySet[SynthesisUnit]:
    """The current units of passages that are still served."""
    passages = _passages(collection).filter(
        version__document=OuterRef("document"), content_hash=OuterRef("content_hash")
    )
    return _current(collection, seed).filter(Exists(passages))


def _current(collection: Collection, seed: int) -> QuerySet[SynthesisUnit]:
    """The units of this teacher, prompt and seed."""
    return SynthesisUnit.objects.filter(
        document__collection=collection,
        teacher=settings.TEACHER_MODEL,
        prompt_version=PROMPT_VERSION,
        seed=seed,
    )


def _key(content_hash: str, seed: int) -> str:
    named = "\n".join((content_hash, PROMPT_VERSION, settings.TEACHER_MODEL, str(seed)))
    return hashlib.sha256(named.encode()).hexdigest()
