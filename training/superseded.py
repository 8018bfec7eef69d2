"""Which answers of a tuned model are values that a document used to have."""

from collections.abc import Iterable

from ingestion.models import Chunk, Collection, DocumentVersion
from router.text import exact_form
from training.identity import question_key
from training.metrics import contains
from training.models import EvaluationItem, QAPair

Keys = set[str]
"""Of questions, see `training.identity.question_key`."""


def superseded_answers(
    items: Iterable[EvaluationItem], collections: Iterable[Collection]
) -> set[int]:
    """The numbers of those that give a value of an earlier version of their document.

    That is the earlier answer to the same question; or an earlier answer to another question on
    the document, if that value stands nowhere in `collections` any more.
    """
    wrong = [item for item in items if item.document_id and not (item.correct or item.refused)]
    earlier = _earlier_answers(wrong)
    asked = _questions_of_facts(wrong)
    return {
        item.number
        for item in wrong
        if (keys := earlier.get((item.document_id, exact_form(item.answer))))
        and (
            keys & (asked.get(item.fact_id, set()) | {question_key(item.question)})
            or not _stands(item.answer, collections)
        )
    }


def _earlier_answers(items: Iterable[EvaluationItem]) -> dict[tuple[int | None, str], Keys]:
    """By document and answer, the questions that it answered before a passage was changed."""
    pairs = QAPair.objects.retired().filter(document__in={item.document_id for item in items})
    found: dict[tuple[int | None, str], Keys] = {}
    for document, answer, key in pairs.exclude(review=QAPair.Review.REJECTED).values_list(
        "document", "answer", "question_key"
    ):
        found.setdefault((document, exact_form(answer)), set()).add(key)
    return found


def _questions_of_facts(items: Iterable[EvaluationItem]) -> dict[str, Keys]:
    facts = {item.fact_id for item in items if item.fact_id}
    found: dict[str, Keys] = {}
    for fact, key in QAPair.objects.filter(fact_id__in=facts).values_list(
        "fact_id", "question_key"
    ):
        found.setdefault(fact, set()).add(key)
    return found


def _stands(value: str, collections: Iterable[Collection]) -> bool:
    passages = Chunk.objects.filter(
        version__in=DocumentVersion.objects.served(),
        version__document__collection__in=collections,
        text__icontains=value,
    )
    return any(contains(text, value) for text in passages.values_list("text", flat=True))
