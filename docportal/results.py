"""Passages, answers and models as JSON: the same from a command, over HTTP and for an agent.

Whoever looks at an answer later is shown of it what they may read then.
"""

from collections.abc import Collection as AbstractCollection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

from ingestion.models import Chunk, Document, Reader
from router.models import Answer, Citation, ModelVersion
from router.policy import Rule
from router.tuned import coverage_summaries, may_see_answer, ready_models, tainted

if TYPE_CHECKING:
    from router.retrieval.searching import SearchResult

WITHHELD = "This answer rested on a document that you may no longer read."


# --- Passages ---------------------------------------------------------------------------------


def cited(chunk: Chunk) -> dict[str, Any]:
    version = chunk.version
    return {
        "path": version.document.path,
        "document": version.document.slug,
        "version": version.number,
        "heading": chunk.heading,
        "page": chunk.page,
        "text": chunk.text,
    }


def source_line(place: int, chunk: Chunk) -> str:
    """`[1] guides/setup.md v3 › Install (page 2)`."""
    version = chunk.version
    heading = f" › {chunk.heading}" if chunk.heading else ""
    page = f" (page {chunk.page})" if chunk.page else ""
    return f"[{place}] {version.document.path} v{version.number}{heading}{page}"


def searched(result: "SearchResult") -> dict[str, Any]:
    return {
        "hits": [cited(hit.chunk) | {"score": round(hit.score, 4)} for hit in result.hits],
        "ms": round(result.ms, 1),
        "degraded": result.degraded,
        "behind": result.behind,
        "revision": result.revision,
    }


# --- Answers ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody may see today of a kept answer.

    `withheld`: a source of it, or what its model was taught, is closed to them, and so is what it
    says. `decision` and `attempts` are those of its signals, empty without any. Where a passage
    that was found for it is closed to them no attempt is told of, and `reason` is the decision's.
    """

    citations: QuerySet[Citation]
    withheld: bool
    reason: str
    decision: dict[str, Any]
    attempts: list[dict[str, Any]]


def seen(answer: Answer, reader: Reader) -> Seen:
    kept = Citation.objects.filter(answer=answer)
    readable = kept.filter(chunk__version__document__in=Document.objects.readable_by(reader))
    sources = kept.filter(supports=True).count()
    closed = sources > readable.filter(supports=True).count()
    withheld = closed or not may_see_answer(reader, answer)
    decision = answer.signals.get("decision", {})
    attempts = answer.signals.get("attempts", [])
    reason = answer.reason
    # A draft that was not shown may repeat any passage that was found.
    if kept.count() > readable.count():
        decision, attempts = _unquoted(decision), []
        reason = decision.get("reason", "")
    return Seen(
        citations=readable.select_related("chunk__version__document"),
        withheld=withheld,
        reason=WITHHELD if withheld else reason,
        decision=decision,
        attempts=attempts,
    )


def _unquoted(decision: dict[str, Any]) -> dict[str, Any]:
    """Without the question of a pair, whose document may be closed as well."""
    is_quoting = decision.get("rule") == Rule.PRECEDENT
    return decision | {"reason": ""} if is_quoting else decision


def answered(answer: Answer, reader: Reader) -> dict[str, Any]:
    """An answer with its evidence, and why it came the way it did."""
    view = seen(answer, reader)
    citations = list(view.citations.order_by("-supports", "rank"))
    return {
        "query": answer.query.text,
        "answer": "" if view.withheld else answer.text,
        "route": answer.route,
        "reason": view.reason,
        "refused": answer.refused,
        "verified": answer.verified,
        "withheld": view.withheld,
        "confidence": round(answer.confidence, 4),
        "model": answer.model,
        "citations": [_citation(one) for one in citations],
        "ms": {
            "retrieve": round(answer.retrieve_ms, 1),
            "generate": round(answer.generate_ms, 1),
            "verify": round(answer.verify_ms, 1),
            "total": round(answer.total_ms, 1),
        },
        "tokens": {"prompt": answer.prompt_tokens, "completion": answer.completion_tokens},
        "why": None if view.withheld or not answer.signals else _why(answer, view, citations),
    }


def _citation(citation: Citation) -> dict[str, Any]:
    return cited(citation.chunk) | {
        "rank": citation.rank,
        "supports": citation.supports,
        "start": citation.start,
        "end": citation.end,
        "source": source_line(citation.rank, citation.chunk),
    }


def _why(answer: Answer, view: Seen, citations: list[Citation]) -> dict[str, Any]:
    """What was known, what was decided, what each engine made of it, and how it was checked."""
    kept = answer.signals
    return {
        **{name: kept[name] for name in ("question", "features")},
        "decision": view.decision,
        "attempts": view.attempts,
        "coverage": [
            {"rank": one.rank, "kept": len(ground.get("kept", ()))}
            | {name: ground[name] for name in ("known", "pairs", "heldout", "similarity")}
            for one in sorted(citations, key=lambda citation: citation.rank)
            for ground in [kept["grounds"][one.rank - 1]]
        ],
        "sentences": [] if answer.refused else kept["sentences"],
    }


# --- Models -----------------------------------------------------------------------------------


def described(models: AbstractCollection[ModelVersion]) -> list[dict[str, Any]]:
    """Each with what it is worth, what it knows, and how much of that is stale."""
    ready, spoilt, known = set(ready_models()), tainted(models), coverage_summaries(models)
    return [
        {
            "model": model.name,
            "stage": model.stage,
            "created": model.created_at.isoformat(),
            "metrics": model.metrics,
            "coverage": known[model.pk],
            "base": model.base,
            "dataset": model.dataset_sha256,
            "for_everybody": not model.audience,
            "gate_passed": model.gate_passed,
            "previous": model.previous.name if model.previous else None,
            "ready": model.name in ready,
            "tainted": model.pk in spoilt,
            "pruned": model.pruned_at is not None,
        }
        for model in models
    ]
