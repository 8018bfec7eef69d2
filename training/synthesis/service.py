"""Making the pairs of a collection: mined from what is served, then asked of the teacher."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Count

from ingestion.models import Collection, DocType
from router.prompts import Passage, passage_of
from router.retrieval.embeddings import EmbeddingsUnavailable, ServerEmbeddings, Vectors
from training import conflicts
from training.dedup import Embed
from training.evidence import Source
from training.models import QAPair, SynthesisUnit
from training.synthesis import units
from training.synthesis.teacher import Taught, TeacherFailed, TeacherUnavailable, teach
from training.synthesis.versions import mine_collection

logger = logging.getLogger(__name__)

AT_ONCE = 4
"""Passages that the teacher reads side by side."""

Progress = Callable[[str], object]
Question = tuple[SynthesisUnit, Passage, Source]
Outcome = Taught | TeacherFailed


@dataclass(slots=True)
class SynthesisReport:
    """What a collection has now: live pairs that nobody rejected, in all and by origin, those that
    contradict, and served passages that the teacher failed at. `duplicates` are the questions of
    this synthesis that were there already."""

    pairs: int = 0
    mined: int = 0
    teacher: int = 0
    imported: int = 0
    duplicates: int = 0
    conflicts: int = 0
    failed: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def synthesise(
    collection: Collection, *, seed: int = 1, progress: Progress = logger.info
) -> SynthesisReport:
    """Make the pairs that the collection lacks; one that was stopped goes on where it was.

    Marketing documents and collections that are not meant for training give none.
    """
    report = SynthesisReport(duplicates=mine_collection(collection).duplicates)
    if settings.TEACHER_URL:
        report.duplicates += _teach_all(collection, seed, progress)
        report.failed = units.unanswered(collection, seed=seed).count()
    with transaction.atomic():
        report.conflicts = conflicts.settle(collection.pk)
    _count(collection, report)
    return report


def _count(collection: Collection, report: SynthesisReport) -> None:
    pairs = (
        QAPair.objects.live()
        .filter(document__collection=collection)
        .exclude(document__doc_type=DocType.MARKETING)
        .exclude(review=QAPair.Review.REJECTED)
    )
    counted = pairs.order_by().values_list("origin").annotate(Count("pk"))
    by_origin: dict[str, int] = dict(counted)
    report.pairs = sum(by_origin.values())
    report.mined = by_origin.get(QAPair.Origin.MINED, 0)
    report.teacher = by_origin.get(QAPair.Origin.TEACHER, 0)
    report.imported = by_origin.get(QAPair.Origin.IMPORTED, 0)


# --- The teacher ----------------------------------------------------------------------------------


def _teach_all(collection: Collection, seed: int, progress: Progress) -> int:
    """Ask about every passage that is still open; returns how many pairs only repeated.

    Stops when nothing at all is answered: then the rest waits, uncounted, for the next time.
    """
    units.open_units(collection, seed=seed)
    embed = _Remembered()
    repeats = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while questions := _next_questions(collection, seed):
            outcomes = list(pool.map(_asked, questions))
            is_away = all(isinstance(outcome, TeacherUnavailable) for outcome in outcomes)
            for (unit, _, _), outcome in zip(questions, outcomes, strict=True):
                if is_away:
                    units.put_back(unit, str(outcome))
                else:
                    repeats += _store(unit, outcome, embed)
            left = units.waiting(collection, seed=seed).count()
            if is_away:
                progress(f"{outcomes[0]} {left} passages wait for the next time.")
                break
            progress(f"{left} passages are still to be asked about")
    return repeats


def _next_questions(collection: Collection, seed: int) -> list[Question]:
    """Some units that are this process's now."""
    questions: list[Question] = []
    for unit in units.waiting(collection, seed=seed)[:AT_ONCE]:
        chunk = units.passage_of(unit)
        if chunk is not None and units.claim(unit):
            questions.append((unit, passage_of(chunk), Source(chunk.content_hash, chunk.text)))
    return questions


def _asked(question: Question) -> Outcome:
    """Runs in a thread of its own: touches no database."""
    unit, passage, source = question
    try:
        return teach(passage, source, seed=unit.seed)
    except TeacherFailed as error:
        return error


def _store(unit: SynthesisUnit, outcome: Outcome, embed: Embed) -> int:
    if isinstance(outcome, TeacherFailed):
        units.fail(unit, str(outcome))
        return 0
    try:
        return units.finish(unit, outcome, embed)
    except EmbeddingsUnavailable:
        logger.warning("The embedding server does not answer; questions are compared by words.")
        return units.finish(unit, outcome, None)


class _Remembered:
    """Embeds each question once: the same ones are compared with every new passage."""

    def __init__(self) -> None:
        self._vectors: dict[str, Vectors] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        self._vectors |= dict(zip(new, ServerEmbeddings().batch(new), strict=True))
        return np.stack([self._vectors[text] for text in texts])
