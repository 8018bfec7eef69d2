"""Contradictions: pairs of a collection that answer the same question differently wait.

What a person approved stays; what people wrote stays against what was mined, that against what
nobody has reviewed, and anything against what the document does not bear out. Whatever else
contradicts waits for a reviewer, and is free again when what it contradicted is rejected, edited
or retired.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import islice

from django.conf import settings
from django.db.models import Count, QuerySet

from ingestion.errors import UserError
from router.text import exact_form
from training.models import PairQuerySet, QAPair

Origin, Review, Problem = QAPair.Origin, QAPair.Review, QAPair.Problem

RANKS = {Origin.IMPORTED: 2, Origin.WRITTEN: 2, Origin.MINED: 1}
DECIDED, UNTIED = 3, -1


def arrival(origin: str) -> QAPair.Review:
    """The state of a new pair with evidence and without contradiction."""
    approved = origin in settings.PAIRS_APPROVED_ON_ARRIVAL
    return Review.APPROVED if approved else Review.PENDING


def rivals(pair: QAPair) -> QuerySet[QAPair]:
    """The live pairs of the collection with the same question, whatever their answer."""
    return (
        QAPair.objects.live()
        .filter(question_key=pair.question_key)
        .filter(document__collection=pair.document.collection_id)
        .exclude(review=Review.REJECTED)
        .exclude(pk=pair.pk)
    )


def rivals_of(pairs: Sequence[QAPair]) -> dict[int, list[QAPair]]:
    """`rivals` of many pairs in one query, by the pair's primary key."""
    others = QAPair.objects.live().exclude(review=Review.REJECTED).select_related("document")
    by_question: dict[tuple[int, str], list[QAPair]] = defaultdict(list)
    for other in others.filter(question_key__in={pair.question_key for pair in pairs}):
        by_question[other.document.collection_id, other.question_key].append(other)
    return {
        pair.pk: [
            other
            for other in by_question[pair.document.collection_id, pair.question_key]
            if other.pk != pair.pk
        ]
        for pair in pairs
    }


def contradicts(pair: QAPair, other: QAPair) -> bool:
    """Whether two pairs of one question answer it differently. `9` and `9 times` at the same
    place of the same passage do not."""
    return pair.fact_id != other.fact_id and exact_form(pair.answer) != exact_form(other.answer)


def refuse(pair: QAPair) -> None:
    """Raises `UserError` (`contradiction`) when a person has approved another answer."""
    for other in rivals(pair):
        if is_decided(other) and contradicts(pair, other):
            raise UserError("contradiction", said_otherwise(other))


def is_decided(pair: QAPair) -> bool:
    """Whether a person has approved it."""
    return pair.review == Review.APPROVED and pair.reviewed_at is not None


def said_otherwise(other: QAPair) -> str:
    return f"The same question has the answer “{other.answer[:80]}”. Reject or edit that one first."


def settle(collection_id: int, question_keys: Iterable[str] | None = None) -> int:
    """Let pairs wait, or free them, as these questions (none given: all) stand now.

    Returns how many of them wait for a contradiction. Runs within the caller's transaction; may
    run at any time and any number of times.
    """
    if question_keys is None:
        disputed = _disputed(QAPair.objects.filter(document__collection=collection_id))
        return sum(_settle(collection_id, keys) for keys in _batches(disputed))
    # By the question alone, which has an index; through the collection it would read all of it.
    return sum(
        _settle(collection_id, _disputed(QAPair.objects.filter(question_key__in=keys)))
        for keys in _batches(set(question_keys))
    )


def _disputed(pairs: PairQuerySet) -> list[str]:
    """The questions with several pairs, and those that had: few, even of many pairs."""
    pairs = pairs.exclude(question_key="").order_by()
    asked = pairs.values("question_key").annotate(pairs=Count("pk"))
    several = asked.filter(pairs__gt=1).values_list("question_key", flat=True)
    waiting = pairs.filter(problem=Problem.CONFLICT).values_list("question_key", flat=True)
    return list({*several, *waiting})


def _settle(collection_id: int, question_keys: Sequence[str]) -> int:
    if not question_keys:
        return 0
    asked = QAPair.objects.filter(question_key__in=question_keys)
    pairs = [
        pair
        for pair in asked.select_related("document")
        if pair.document.collection_id == collection_id
    ]
    waiting = _waiting(pairs, set(asked.live().values_list("pk", flat=True)))
    undecided = QAPair.objects.filter(reviewed_at=None)
    undecided.filter(pk__in=waiting).update(review=Review.PENDING, problem=Problem.CONFLICT)
    for pair in pairs:
        if pair.problem == Problem.CONFLICT and pair.pk not in waiting:
            undecided.filter(pk=pair.pk, problem=Problem.CONFLICT).update(**_free(pair))
    return len(waiting)


def _free(pair: QAPair) -> dict[str, str]:
    if not pair.content_hash:
        return {"problem": Problem.NO_EVIDENCE}
    return {"problem": "", "review": arrival(pair.origin)}


def _batches(question_keys: Iterable[str]) -> Iterator[list[str]]:
    """So many as one statement takes on any database."""
    left = iter(question_keys)
    while batch := list(islice(left, 1_000)):
        yield batch


def _waiting(pairs: Iterable[QAPair], live: Container[int]) -> set[int]:
    by_question: dict[str, list[QAPair]] = defaultdict(list)
    for pair in pairs:
        stands = pair.pk in live or not pair.content_hash
        if stands and pair.review != Review.REJECTED:
            by_question[pair.question_key].append(pair)
    return {
        pair.pk for group in by_question.values() for pair in group if _has_to_wait(pair, group)
    }


def _has_to_wait(pair: QAPair, group: Iterable[QAPair]) -> bool:
    rank = _rank(pair)
    return rank < DECIDED and any(
        _rank(other) >= rank and contradicts(pair, other) for other in group
    )


def _rank(pair: QAPair) -> int:
    if is_decided(pair):
        return DECIDED
    if not pair.content_hash:
        return UNTIED
    return RANKS.get(Origin(pair.origin), 0)
