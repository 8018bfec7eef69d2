"""The gate's checks in the words and units of a person. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["share", "points", "count", "ms"]
Bound = Literal["at least", "at most"]


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    value: str
    limit: str
    passed: bool
    reason: str


CHECKS: dict[str, tuple[str, Unit, Bound]] = {
    "exact_match": ("Exact match", "share", "at least"),
    "hallucination": ("Hallucination", "share", "at most"),
    "over_refusal": ("Over-refusal", "share", "at most"),
    "exact_match_above_rag": ("Exact match against passages", "points", "at least"),
    "superseded": ("Values of earlier versions", "count", "at most"),
    "canaries": ("Restricted values told", "count", "at most"),
    "exact_match_against_serving": ("Exact match against the serving model", "points", "at least"),
    "token_f1_against_serving": ("F1 against the serving model", "points", "at least"),
    "weakest_collection_against_serving": ("Weakest collection", "points", "at least"),
    "latency_p95_ms": ("Time of 95 % of answers", "ms", "at most"),
    "readers": ("Readers", "count", "at most"),
}
SHORTEST = 3
"""So many failed checks are named in a line."""


def checks(gate: Sequence[Mapping[str, Any]], *, reasons: bool) -> list[Check]:
    """Of a run's row; without `reasons`, which name collections, where these must not be told."""
    return [_check(row, reasons=reasons) for row in gate]


def summary(gate: Sequence[Mapping[str, Any]]) -> str:
    """`all 10 checks passed`, or the first that failed, with value and limit."""
    failed = [check for check in checks(gate, reasons=False) if not check.passed]
    if not failed:
        return f"all {len(gate)} checks passed" if gate else ""
    named = [f"{check.name} {check.value} ({check.limit})" for check in failed[:SHORTEST]]
    more = len(failed) - SHORTEST
    return "; ".join([*named, *([f"{more} more"] if more > 0 else [])])


def _check(row: Mapping[str, Any], *, reasons: bool) -> Check:
    name, unit, bound = CHECKS[row["check"]]
    value = "not measured" if row["value"] is None else _said(row["value"], unit)
    limit = f"{bound} {_said(row['limit'], unit)}"
    reason = row["reason"] if reasons else "It names collections that you may not read."
    return Check(name, value, limit, row["passed"], reason)


def _said(number: float, unit: Unit) -> str:
    match unit:
        case "share":
            return f"{number * 100:.1f} %"
        case "points":
            return f"{number * 100:+.1f} points" if number else "0 points"
        case "ms":
            return f"{number:,.0f} ms"
        case "count":
            return f"{number:,.0f}"
