"""Pairs that people write: for a document, or as the correction of an answer.

Each verb is one transaction. Every pair is tied to the words of the served version that bear it
out; one that cannot be waits for a reviewer.
"""

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from ingestion.audit import Actor, record
from ingestion.errors import UserError
from ingestion.models import Document
from router.models import Feedback, Query
from router.text import storable
from training import conflicts
from training.evidence import Tie, quoted
from training.identity import pair_key, question_key
from training.likeness import holding
from training.models import QAPair
from training.sources import served_text

Origin, Review, Problem = QAPair.Origin, QAPair.Review, QAPair.Problem

NO_SUCH_WORDS = "These words are not in the served version. Copy them from the document."
NO_SUCH_ANSWER = (
    "The document does not say this answer. Use its words, or copy the sentence that says it "
    "as evidence."
)


# --- Written by a person --------------------------------------------------------------------------


def write_pair(
    document: Document, *, question: str, answer: str, by: Actor, evidence: str = ""
) -> QAPair:
    """Keep a person's pair. `evidence` are words of the served version; without any, the line
    that holds the answer is found.

    Raises `UserError`: `empty-pair`, `no-evidence`, `duplicate-pair`, `contradiction`.
    """
    pair = new_pair(document, *checked(question, answer), origin=Origin.WRITTEN, author=by)
    text = served_text(document)
    if evidence.strip():
        tied, problem = quoted(pair.question, pair.answer, evidence, text.sources), NO_SUCH_WORDS
    else:
        tied, problem = holding(pair.question, pair.answer, text), NO_SUCH_ANSWER
    if tied is None:
        raise UserError("no-evidence", problem)
    set_tie(pair, tied)
    conflicts.refuse(pair)
    try:
        with transaction.atomic():
            pair.save()
            conflicts.settle(document.collection_id, [pair.question_key])
            record(by, "wrote a pair", document=document, detail=pair.question)
    except IntegrityError as error:
        raise UserError(
            "duplicate-pair", "The document has this pair already. Nothing was added."
        ) from error
    pair.refresh_from_db()
    return pair


# --- A reader's correction ------------------------------------------------------------------------


def add_correction(feedback: Feedback) -> QAPair | None:
    """Keep the asker's right answer as a pair that waits for review; a second one replaces it.

    It goes to the best of the cited documents that says the answer, else, without evidence, to
    the best cited one. None when there is no correction or nothing was cited.
    """
    asked = feedback.answer.query
    documents = [
        citation.chunk.version.document
        for citation in feedback.answer.citations.order_by("-supports", "rank").select_related(
            "chunk__version__document"
        )
    ]
    with transaction.atomic():
        _take_back(asked, documents)
        if not feedback.correction.strip() or not documents:
            return None
        pair = _corrected(feedback, list(dict.fromkeys(documents)))
        same = QAPair.objects.filter(document=pair.document, key=pair.key).first()
        if same is not None:
            return same
        pair.save()
        conflicts.settle(pair.document.collection_id, [pair.question_key])
    pair.refresh_from_db()
    return pair


def _take_back(asked: Query, documents: Sequence[Document]) -> None:
    """Delete the asker's earlier pair of this question, and free what it contradicted."""
    key = question_key(asked.text)
    earlier = QAPair.objects.filter(
        origin=Origin.FEEDBACK,
        author=asked.user,
        reviewed_at=None,
        question_key=key,
        document__in=documents,
    )
    collections = set(earlier.values_list("document__collection", flat=True))
    earlier.delete()
    for collection in collections:
        conflicts.settle(collection, [key])


def _corrected(feedback: Feedback, documents: Sequence[Document]) -> QAPair:
    asked = feedback.answer.query
    question, answer = checked(asked.text, feedback.correction)
    for document in documents:
        tied = holding(question, answer, served_text(document))
        if tied is not None:
            pair = new_pair(document, question, answer, origin=Origin.FEEDBACK, author=asked.user)
            return set_tie(pair, tied)
    pair = new_pair(documents[0], question, answer, origin=Origin.FEEDBACK, author=asked.user)
    return leave_untied(pair)


# --- The row --------------------------------------------------------------------------------------


def checked(question: str, answer: str) -> tuple[str, str]:
    """Both as they are stored. Raises `UserError` (`empty-pair`)."""
    question, answer = " ".join(storable(question).split()), storable(answer).strip()
    if not question or not answer:
        raise UserError("empty-pair", "A pair needs a question and an answer. Write both.")
    return question, answer


def new_pair(
    document: Document, question: str, answer: str, *, origin: str, author: Actor = None
) -> QAPair:
    """A pair that is not stored, and not tied yet."""
    return QAPair(
        document=document,
        question=question,
        answer=answer,
        origin=origin,
        author_id=author.pk if author else None,
        key=pair_key(question, answer),
        question_key=question_key(question),
    )


def set_tie(pair: QAPair, tied: Tie) -> QAPair:
    """Tie the pair to a passage; its state is then that of a new pair of its origin."""
    pair.content_hash, pair.start, pair.end = tied.content_hash, tied.start, tied.end
    pair.evidence, pair.fact_id = tied.evidence, tied.fact_id
    pair.review, pair.problem = conflicts.arrival(pair.origin), ""
    return pair


def retie(known: QAPair, found: QAPair) -> bool:
    """Tie a stored pair to the passage of another with the same words; False when somebody else
    has tied it meanwhile. What a person decided about it stays."""
    names = ("content_hash", "start", "end", "evidence", "fact_id")
    values = {name: getattr(found, name) for name in names}
    if known.reviewed_at is None:
        values |= {"review": conflicts.arrival(known.origin), "problem": ""}
    unchanged = QAPair.objects.filter(pk=known.pk, content_hash=known.content_hash)
    return bool(unchanged.update(**values))


def leave_untied(pair: QAPair) -> QAPair:
    """Let a pair wait for whoever finds its evidence."""
    pair.fact_id = pair.key
    pair.review, pair.problem = Review.PENDING, Problem.NO_EVIDENCE
    return pair
