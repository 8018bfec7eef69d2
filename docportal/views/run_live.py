"""Runs as they go on: their figures and curves, streamed to the pages that show them.

A page is rendered for the states that its runs are in. The stream only brings figures up to date;
once a run is in another state it says so, and the page fetches itself anew.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
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
from docportal.views.streaming import event, event_stream
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
    return [
        Curves(run, plots.thinned(points, plots.IN_A_TABLE), plots.validated(points))
        for run in runs
        for points in [_points(run)]
    ]


def _points(run: TrainingRun) -> list[Point]:
    return [Point(*row) for row in run.points.order_by("step").values_list(*Point._fields)]


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
    return event_stream(_changes(_watched(request.GET.get("watch", ""))))


def _watched(named: str) -> States:
    pairs = (name.partition(".") for name in named.split(",")[:MOST])
    return {number: state for name, _, state in pairs for number in numbers([name])}


async def _changes(watched: States) -> AsyncGenerator[bytes]:
    shown = ""
    while watched:
        runs = await sync_to_async(_poll)(watched)
        if {run.row.number: run.row.state for run in runs} != watched:
            yield event("turned", "")
            break
        figures = await sync_to_async(_figures)(runs)
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


def _figures(runs: list[Run]) -> str:
    try:
        context = {"runs": runs, "curves": curves(run.row for run in runs if run.has_curves)}
        return render_to_string("run_live.html#figures", context)
    finally:
        release_connection()
