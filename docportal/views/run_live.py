"""Runs as they go on: their figures and curves, streamed to the pages that show them.

A page is rendered for the states that its runs are in. The stream only brings figures up to date;
once a run is in another state it says so, and the page fetches itself anew.
"""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from docportal.views import plots
from docportal.views.access import TRAIN, Request, current_user, require
from docportal.views.plots import Point
from docportal.views.streaming import event, stream_for
from docportal.views.training_facts import Run
from docportal.views.typed import numbers
from ingestion.connections import release_connection
from training.models import TrainingRun

POLL_SECONDS = 1.0
MOST = 50

States = dict[int, str]
"""Of runs, by number."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Of one run, as tables."""

    run: TrainingRun
    losses: list[Point]
    validations: list[Point]


def curves(runs: Iterable[TrainingRun]) -> list[Curves]:
    return [_as_tables(run, _points(run)) for run in runs]


def _as_tables(run: TrainingRun, points: Sequence[Point]) -> Curves:
    return Curves(run, plots.thinned(points, plots.IN_A_TABLE), plots.validated(points))


def _points(run: TrainingRun, first: int = 0) -> list[Point]:
    """Those from the step `first` on."""
    rows = run.points.filter(step__gte=first).order_by("step")
    return [Point(*row) for row in rows.values_list(*Point._fields)]


class _Followed:
    """The points of a run that goes on. At each look those are read that may be new."""

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._step = 0

    def look(self, run: TrainingRun) -> list[Point]:
        """All points. A validation is told after the step that it was made at, and a trainer that
        was started again goes some steps back."""
        first = min(self._step, run.step)
        place = bisect_left(self._points, first, key=lambda point: point.step)
        self._points[place:] = _points(run, first)
        self._step = run.step
        return self._points


@require_GET
def points(request: Request, number: int) -> HttpResponse:
    """What the plots draw."""
    require(request.user, TRAIN)
    run = get_object_or_404(TrainingRun, number=number)
    return JsonResponse(plots.as_series(_points(run)))


# --- The stream -------------------------------------------------------------------------------


def watching(runs: Iterable[TrainingRun]) -> str:
    """The parameter `watch` of `events`: runs, each with the state that the page shows."""
    return ",".join(f"{run.number}.{run.state}" for run in runs)


@require_GET
async def events(request: HttpRequest) -> HttpResponseBase:
    """The figures of the runs in `?watch=`, until one is in another state than is said there."""
    user = await current_user(request)
    if not await user.ahas_perm(TRAIN):
        raise PermissionDenied
    return stream_for(user, _changes(_watched(request.GET.get("watch", ""))))


def _watched(named: str) -> States:
    pairs = (name.partition(".") for name in named.split(",")[:MOST])
    return {number: state for name, _, state in pairs for number in numbers([name])}


async def _changes(watched: States) -> AsyncGenerator[bytes]:
    shown, followed = "", defaultdict[int, _Followed](_Followed)
    while watched:
        runs = await sync_to_async(_poll)(watched)
        if {run.row.number: run.row.state for run in runs} != watched:
            yield event("turned", "")
            break
        figures = await sync_to_async(_figures)(runs, followed)
        if figures != shown:
            shown = figures
            yield event("figures", figures)
        await asyncio.sleep(POLL_SECONDS)
    yield event("close", "")


def _poll(watched: States) -> list[Run]:
    try:
        return [Run(row) for row in TrainingRun.objects.filter(number__in=watched)]
    finally:
        # A page may stay open all day; it must not keep a connection of the pool as long.
        release_connection()


def _figures(runs: list[Run], followed: defaultdict[int, _Followed]) -> str:
    try:
        rows = [run.row for run in runs if run.has_curves]
        tables = [_as_tables(row, followed[row.pk].look(row)) for row in rows]
        context = {"runs": runs, "curves": tables}
        return render_to_string("run_live.html#figures", context)
    finally:
        release_connection()
