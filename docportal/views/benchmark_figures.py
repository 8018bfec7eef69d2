"""A benchmark's report in the terms of a page: the rows of its tables. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from training.benchmark.report import HYBRID, RAG, TUNED

Report = Mapping[str, Any]
Unit = Literal["share", "ms", "cost"]


@dataclass(frozen=True, slots=True)
class Row:
    """A system or a baseline. `interval` is that of its exact match, if it was computed."""

    name: str
    is_baseline: bool
    measures: Mapping[str, Any]
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of question: how many, and the share that each system answers as it should."""

    name: str
    n: int
    correct: Sequence[float | None]
    tuned_share: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of the article, of its tuned model and its RAG, beside ours."""

    name: str
    their_tuned: str
    their_rag: str
    hybrid: float | None
    rag: float | None
    unit: Unit
    theirs: str
    ours: str


def rows(report: Report) -> list[Row]:
    """Systems in the order in which they were named, then baselines."""
    intervals = report["ci95"]
    return [
        Row(name, is_baseline, measures, intervals.get(name, {}).get("exact_match"))
        for part, is_baseline in (("systems", False), ("baselines", True))
        for name, measures in report[part].items()
    ]


def kinds(report: Report) -> list[Kind]:
    systems = [measures["by_kind"] for measures in report["systems"].values()]
    hybrid = report["systems"].get(HYBRID, {}).get("by_kind", {})
    return [
        Kind(
            name=kind,
            n=first["n"],
            correct=[of_system[kind]["correct"] for of_system in systems],
            tuned_share=hybrid[kind]["routes"][TUNED] if kind in hybrid else None,
        )
        for kind, first in systems[0].items()
    ]


def headline(report: Report) -> list[Compared]:
    """The figures that the article leads with; none where hybrid and RAG were not both measured."""
    hybrid, rag = (report["systems"].get(name) for name in (HYBRID, RAG))
    if hybrid is None or rag is None:
        return []
    return [
        Compared(name, their_tuned, their_rag, hybrid[field], rag[field], unit, theirs, ours)
        for name, field, unit, their_tuned, their_rag, theirs, ours in _HEADLINE
    ]


_ALONE = "the tuned model alone against RAG, on pairs split at random after they were multiplied"
_WAITED = "on its own hardware and model"
_HEADLINE: Sequence[tuple[str, str, Unit, str, str, str, str]] = (
    (
        *("Exact match", "exact_match", "share", "84 %", "56 %"),
        f"{_ALONE}; texts compared as they stand",
        "the whole product against its own answers from passages without precedents, on the "
        "answerable questions; texts compared without case, articles and outer punctuation",
    ),
    (
        *("F1", "token_f1", "share", "87 %", "61 %"),
        "words counted once each",
        "words counted as often as they stand",
    ),
    (
        *("Half answered within", "ms_p50", "ms", "0.6 s", "1.1 s"),
        _WAITED,
        "from the question to the last checked word, one asker at a time, on this machine",
    ),
    (
        *("99 % answered within", "ms_p99", "ms", "1.2 s", "2.8 s"),
        _WAITED,
        "as above",
    ),
    (
        *("Cost of 10,000 answers", "cost_per_10k", "cost", "half of RAG’s", ""),
        "an estimate",
        "tokens that were read and written, at the prices below",
    ),
)
