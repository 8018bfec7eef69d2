"""Knowledge gaps: what was asked in vain in a period, by meaning and by the nearest document.

A question belongs to its asker. Here it is shown without a name, and only to who may read every
passage that was found for it: whoever asks of a closed document may quote it. One without any
passage near is for who sees all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from ingestion.models import Document, Reader
from router import retrieval
from router.gaps import Gap, Unanswered, gaps, word_vectors
from router.models import Answer, Citation, Feedback
from router.policy import Rule

# The newest ones: clusters of more take long, and say little more.
MOST = 300
# Of 200 questions about 14 documents of one company, 0.6 makes 47 clusters, and 82 % of the pairs
# within them are about one document; 0.5 makes 23 with 78 %, 0.7 makes 96 with 82 %.
ALIKE = 0.6
ALIKE_IN_WORDS = 0.5


@dataclass(frozen=True, slots=True)
class KnowledgeGaps:
    """`by_words`: no embedding server answered, so that only same words were found alike."""

    gaps: Sequence[Gap]
    by_words: bool


def knowledge_gaps(since: datetime, *, user: Reader, sees_all: bool) -> KnowledgeGaps:
    """Of the newest `MOST` questions that may be shown to `user`. One query."""
    asked = unanswered(since, user=user, sees_all=sees_all)
    texts = [one.text for one in asked]
    vectors = retrieval.embed_questions(texts)
    if vectors is not None:
        return KnowledgeGaps(gaps(asked, vectors, alike=ALIKE), by_words=False)
    return KnowledgeGaps(gaps(asked, word_vectors(texts), alike=ALIKE_IN_WORDS), by_words=True)


def unanswered(since: datetime, *, user: Reader, sees_all: bool) -> list[Unanswered]:
    """The refused and the disliked, newest first; not what no model was there to answer, nor what
    only a tuned model was asked: the documents may have it."""
    found = Citation.objects.filter(answer=OuterRef("pk"))
    nearest = found.order_by("rank")
    readable = Document.objects.readable_by(user)
    closed = found.exclude(chunk__version__document__in=readable)
    shown = Q(document__in=readable)
    if sees_all:
        shown |= Q(document=None)
    disliked = Q(feedback__verdict=Feedback.Verdict.DOWN)
    refused = Q(route=Answer.Route.REFUSED, confidence__gt=0)
    rule = "signals__decision__rule"
    asks = ~Q(**{rule: Rule.NO_QUESTION}) | Q(**{f"{rule}__isnull": True})
    reads = ~Q(signals__route_asked="tuned") | Q(signals__route_asked__isnull=True)
    rows = (
        Answer.objects.filter(disliked | refused, asks, reads, answered_at__gte=since)
        .annotate(
            document=Subquery(nearest.values("chunk__version__document")[:1]),
            question=Coalesce(KeyTextTransform("question", "signals"), F("query__text")),
        )
        .filter(shown, ~Exists(closed))
        .order_by("-answered_at", "-pk")
        .values_list("question", "answered_at", "route", "document")
    )
    return [
        Unanswered(text, at, route == Answer.Route.REFUSED, document)
        for text, at, route, document in rows[:MOST]
    ]
