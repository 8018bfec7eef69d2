"""How people's pairs come to a document: written, imported with it, or as a correction.

Each verb is one transaction. Every pair is tied to the words of the served version that bear it
out; one that cannot be waits for a reviewer.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction

from ingestion.audit import Actor, record
from ingestion.errors import UserError
from ingestion.models import Document
from router.models import Feedback
from training import conflicts
from training.evidence import Source, Tie, holding, quoted, tie
from training.identity import pair_key, question_key
from training.models import QAPair
from training.sources import served_sources

Origin, Review, Problem = QAPair.Origin, QAPair.Review, QAPair.Problem

NO_SUCH_WORDS = "These words are not in the served version. Copy them from the document."
NO_SUCH_ANSWER = (
    "The document does not say this answer. Use its words, or copy the sentence that says it "
    "as evidence."
)


@dataclass(slots=True)
class PairImport:
    """How many pairs were new; which lines could not be read, and which were kept for review as
    the document does not bear them out (line number, reason); how many pairs contradict."""

    created: int = 0
    retied: int = 0
    conflicts: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)
    unproven: list[tuple[int, str]] = field(default_factory=list)


# --- Written by a person --------------------------------------------------------------------------


def write_pair(
    document: Document, *, question: str, answer: str, by: Actor, evidence: str = ""
) -> QAPair:
    """Keep a person's pair. `evidence` are words of the served version; without any, the line
    that holds the answer is found.

    Raises `UserError`: `empty-pair`, `no-evidence`, `duplicate-pair`, `contradiction`.
    """
    pair = new_pair(document, *checked(question, answer), origin=Origin.WRITTEN, author=by)
    sources = served_sources(document)
    if evidence.strip():
        tied, problem = quoted(pair.question, pair.answer, evidence, sources), NO_SUCH_WORDS
    else:
        tied, problem = holding(pair.question, pair.answer, sources), NO_SUCH_ANSWER
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


# --- Imported with the document -------------------------------------------------------------------


def import_pairs(document: Document, lines: Iterable[str]) -> PairImport:
    """Keep the pairs of a JSON-lines file with `query` (or `question`), `answer` and `context`.

    A broken line is told and skipped, the others are kept. A pair that is known keeps its state;
    it is tied again if its passage is no longer served. Two lines may contradict: both wait.
    """
    result = PairImport()
    given = _read_lines(document, lines, result)
    with transaction.atomic():
        known = {pair.key: pair for pair in QAPair.objects.filter(document=document, key__in=given)}
        live = set(QAPair.objects.live().filter(document=document).values_list("key", flat=True))
        sources = served_sources(document)
        new = []
        for key, (number, pair) in given.items():
            if key in known and key in live and known[key].origin == Origin.IMPORTED:
                continue
            _tie_import(pair, number, sources, result)
            if key not in known:
                new.append(pair)
            else:
                result.retied += _replace(known[key], pair)
        QAPair.objects.bulk_create(new, ignore_conflicts=True, batch_size=500)
        result.created = len(new)
        keys = {pair.question_key for _, pair in given.values()}
        result.conflicts = conflicts.settle(document.collection_id, keys) if keys else 0
    return result


def _read_lines(
    document: Document, lines: Iterable[str], result: PairImport
) -> dict[str, tuple[int, QAPair]]:
    """The pairs by key, each with the number of its first line."""
    given: dict[str, tuple[int, QAPair]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            pair = _read_pair(document, line)
        except (ValueError, KeyError, TypeError, UserError) as error:
            result.failed.append((number, f"not a pair: {error}"))
        else:
            given.setdefault(pair.key, (number, pair))
    return given


def _read_pair(document: Document, line: str) -> QAPair:
    row = json.loads(line)
    question = row["query"] if "query" in row else row["question"]
    pair = new_pair(document, *checked(str(question), str(row["answer"])), origin=Origin.IMPORTED)
    pair.evidence = _storable(str(row.get("context") or ""))
    return pair


def _tie_import(pair: QAPair, number: int, sources: Sequence[Source], result: PairImport) -> None:
    tied = tie(pair.question, pair.answer, pair.evidence, sources)
    if tied is not None:
        set_tie(pair, tied)
        return
    _leave_untied(pair)
    result.unproven.append((number, "the served version does not bear it out"))


def _replace(known: QAPair, given: QAPair) -> bool:
    """Give the known pair the evidence of the given one; whether it has any now."""
    values = {
        name: getattr(given, name)
        for name in ("content_hash", "start", "end", "evidence", "fact_id", "origin")
    }
    undecided = known.reviewed_at is None
    if not given.content_hash and known.review == Review.APPROVED:
        # It was borne out by a version that is no longer served: it stays with that one.
        return False
    if undecided:
        values |= {"review": given.review, "problem": given.problem}
    QAPair.objects.filter(pk=known.pk).update(**values)
    return bool(given.content_hash)


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
        earlier = QAPair.objects.filter(origin=Origin.FEEDBACK, author=asked.user, reviewed_at=None)
        earlier.filter(question_key=question_key(asked.text), document__in=documents).delete()
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


def _corrected(feedback: Feedback, documents: Sequence[Document]) -> QAPair:
    asked = feedback.answer.query
    question, answer = checked(asked.text, feedback.correction)
    for document in documents:
        tied = holding(question, answer, served_sources(document))
        if tied is not None:
            pair = new_pair(document, question, answer, origin=Origin.FEEDBACK, author=asked.user)
            return set_tie(pair, tied)
    pair = new_pair(documents[0], question, answer, origin=Origin.FEEDBACK, author=asked.user)
    return _leave_untied(pair)


# --- The row --------------------------------------------------------------------------------------


def checked(question: str, answer: str) -> tuple[str, str]:
    """Both as they are stored. Raises `UserError` (`empty-pair`)."""
    question, answer = " ".join(_storable(question).split()), _storable(answer).strip()
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


def _leave_untied(pair: QAPair) -> QAPair:
    pair.fact_id = pair.key
    pair.review, pair.problem = Review.PENDING, Problem.NO_EVIDENCE
    return pair


def _storable(text: str) -> str:
    """`text` as every database takes it: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode(errors="replace").decode()
