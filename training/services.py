"""Keeping question-and-answer pairs with the document that they are about."""

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from ingestion.models import Document
from training.models import QAPair


@dataclass(slots=True)
class PairImport:
    """How many pairs were new, and which lines could not be read (line number, reason)."""

    created: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)


def import_pairs(document: Document, lines: Iterable[str]) -> PairImport:
    """Store the pairs of a `{"query", "answer", "context"}` JSON-lines file; known ones stay.

    A line that is not such an object is counted and skipped, the others are kept.
    """
    result, pairs = PairImport(), {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            pair = _read_pair(document, line)
        except (ValueError, KeyError, TypeError) as error:
            result.failed.append((number, f"not a pair: {error}"))
            continue
        pairs[pair.key] = pair
    known = set(
        QAPair.objects.filter(document=document, key__in=pairs).values_list("key", flat=True)
    )
    new = [pair for key, pair in pairs.items() if key not in known]
    QAPair.objects.bulk_create(new, ignore_conflicts=True)
    result.created = len(new)
    return result


def _read_pair(document: Document, line: str) -> QAPair:
    row = json.loads(line)
    question, answer = str(row["query"]).strip(), str(row["answer"]).strip()
    if not question or not answer:
        raise ValueError("the question or the answer is empty")
    return QAPair(
        document=document,
        question=question,
        answer=answer,
        evidence=str(row.get("context") or ""),
        fact_id=_key(question, answer),
        origin=QAPair.Origin.IMPORTED,
        key=_key(question, answer),
    )


def _key(question: str, answer: str) -> str:
    folded = [
        " ".join(unicodedata.normalize("NFKC", t).lower().split()) for t in (question, answer)
    ]
    return hashlib.sha256("\n".join(folded).encode()).hexdigest()
