"""Contradictions: pairs of a collection that answer the same question differently wait.

What a person approved stays; what people wrote stays against what was mined, that against what
nobody has reviewed, and anything against what the document does not bear out. Whatever else
contradicts waits for a reviewer, and is free again when what it contradicted is rejected, edited
or retired.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db.models import Count, QuerySet

from ingestion.errors import UserError
from router.text import exact_form
from training.models import QAPair

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


def settle(
    collection_id: int, question_keys: Iterable[str] | QuerySet[QAPair, str] | None = None
) -> int:
    """Let pairs wait, or free them, as these questions (none given: all) stand now.

    Returns how many wait for a contradiction. Runs within the caller's transaction; may run at
    any time and any number of times.
    """
    pairs = QAPair.objects.filter(document__collection=collection_id).exclude(question_key="")
    if question_keys is not None:
        pairs = pairs.filter(question_key__in=question_keys)
    untied = pairs.filter(content_hash="")
    waiting = _waiting((pairs.live() | untied).exclude(review=Review.REJECTED))
    undecided = pairs.filter(reviewed_at=None)
    undecided.filter(pk__in=waiting).update(review=Review.PENDING, problem=Problem.CONFLICT)
    freed = undecided.filter(problem=Problem.CONFLICT).exclude(pk__in=waiting)
    freed.filter(content_hash="").update(problem=Problem.NO_EVIDENCE)
    for origin in Origin.values:
        freed.filter(origin=origin).update(review=arrival(origin), problem="")
    return len(waiting)


def _waiting(pairs: QuerySet[QAPair]) -> list[int]:
    asked_twice = pairs.order_by().values("question_key").annotate(n=Count("pk")).filter(n__gt=1)
    by_question: dict[str, list[QAPair]] = defaultdict(list)
    for pair in pairs.filter(question_key__in=asked_twice.values("question_key")):
        by_question[pair.question_key].append(pair)
    return [
        pair.pk for group in by_question.values() for pair in group if _has_to_wait(pair, group)
    ]


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
