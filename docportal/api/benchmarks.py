"""Benchmarks: their figures, which tell nothing of a document, are for everybody."""

from datetime import datetime
from typing import Any

from django.shortcuts import get_object_or_404
from ninja import Router, Schema

from docportal.api.access import ApiRequest
from docportal.api.listing import LIMIT, After, Limit, Listed, listed
from training.models import Benchmark

router = Router(tags=["benchmarks"])


class BenchmarkOut(Schema):
    id: int
    name: str
    created: datetime
    systems: list[str]


class ReportOut(BenchmarkOut):
    """`report` as `benchmark --json` writes it; it tells nothing of a document."""

    report: dict[str, Any]


def _benchmark(row: Benchmark) -> BenchmarkOut:
    systems = list(row.report["systems"])
    return BenchmarkOut(id=row.pk, name=row.name, created=row.created_at, systems=systems)


@router.get("/benchmarks", response=Listed[BenchmarkOut])
def list_benchmarks(
    request: ApiRequest,  # noqa: ARG001 - Ninja passes it.
    after: After = "",
    limit: Limit = LIMIT,
) -> Listed[BenchmarkOut]:
    return listed(Benchmark.objects.all(), ("-created_at", "-pk"), _benchmark, after, limit)


@router.get("/benchmarks/{int:pk}", response=ReportOut)
def get_benchmark(request: ApiRequest, pk: int) -> ReportOut:  # noqa: ARG001 - Ninja passes it.
    row = get_object_or_404(Benchmark, pk=pk)
    return ReportOut(**_benchmark(row).dict(), report=row.report)
