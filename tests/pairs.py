"""Pairs about a version's passages, a model that was taught some of them, and an answer."""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from ingestion.models import Chunk, Collection, Document, DocumentVersion
from router.models import Answer, ModelCoverage, ModelVersion, Query
from training.identity import pair_key, question_key
from training.models import Dataset, QAPair, TaughtFact


def a_pair(
    version: DocumentVersion,
    question: str,
    answer: str,
    *,
    evidence: str = "",
    origin: str = QAPair.Origin.TEACHER,
    review: str = QAPair.Review.PENDING,
    fact: str = "",
) -> QAPair:
    """About the passage that holds `evidence` (the answer's words by default)."""
    evidence = evidence or answer
    chunk = version.chunks.filter(text__contains=evidence).order_by("position").first()
    assert chunk is not None
    start = chunk.text.index(evidence)
    return QAPair.objects.create(
        document=version.document,
        content_hash=chunk.content_hash,
        start=start,
        end=start + len(evidence),
        question=question,
        answer=answer,
        evidence=evidence,
        fact_id=fact or f"{version.document_id} {answer}",
        origin=origin,
        review=review,
        key=pair_key(question, answer),
        question_key=question_key(question),
    )


def a_pair_without_evidence(document: Document, question: str, answer: str) -> QAPair:
    return QAPair.objects.create(
        document=document,
        question=question,
        answer=answer,
        evidence="Words that stand nowhere.",
        fact_id=f"{document.pk} {answer}",
        origin=QAPair.Origin.IMPORTED,
        problem=QAPair.Problem.NO_EVIDENCE,
        key=pair_key(question, answer),
        question_key=question_key(question),
    )


def a_model(
    collections: Iterable[Collection],
    chunks: Iterable[Chunk],
    *,
    stage: str = ModelVersion.Stage.SERVING,
    audience: str = "",
) -> ModelVersion:
    number = ModelVersion.objects.count() + 1
    model = ModelVersion.objects.create(
        number=number,
        name=f"docs-v{number:04d}",
        base="base",
        base_sha256="0" * 64,
        adapter_sha256="0" * 64,
        dataset_sha256="0" * 64,
        audience=audience,
        stage=stage,
        canary_share=10 if stage == ModelVersion.Stage.CANARY else None,
        canary_since=timezone.now() if stage == ModelVersion.Stage.CANARY else None,
        gate_passed=True,
    )
    model.collections.set(collections)
    taught(model, chunks)
    return model


def taught(model: ModelVersion, chunks: Iterable[Chunk]) -> None:
    """Have a model be taught these passages, by all the pairs that there are about them."""
    hashes = {chunk.content_hash for chunk in chunks}
    ModelCoverage.objects.bulk_create(
        ModelCoverage(model=model, content_hash=content_hash, pairs=1) for content_hash in hashes
    )
    pairs = QAPair.objects.filter(content_hash__in=hashes)
    facts = set(pairs.values_list("fact_id", flat=True))
    if not facts:
        return
    model.dataset_sha256 = f"{model.number:064}"
    model.save(update_fields=["dataset_sha256"])
    counts = dict.fromkeys(("pairs", "facts", "train", "validation", "test"), 0)
    dataset = Dataset.objects.create(
        number=1000 + model.number, sha256=model.dataset_sha256, seed=1, **counts
    )
    TaughtFact.objects.bulk_create(TaughtFact(dataset=dataset, fact_id=fact) for fact in facts)


def an_answer(query: Query, **values: Any) -> Answer:
    """What it took is the same each time."""
    times = {"retrieve_ms": 1, "generate_ms": 1, "verify_ms": 1, "total_ms": 3}
    tokens = {"prompt_tokens": 1, "completion_tokens": 1}
    return Answer.objects.create(query=query, **({"confidence": 0.5} | times | tokens | values))
