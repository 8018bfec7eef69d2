"""Runs: launched after a look at their data, watched, cancelled, resumed, compared."""

from collections.abc import Sequence
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from docportal.models import User
from docportal.views import run_live, training_facts
from docportal.views.access import TRAIN, Request, require, tells_user_errors
from docportal.views.forms import RunForm
from docportal.views.training_facts import Run
from ingestion.errors import UserError
from ingestion.models import Collection
from training import datasets, process, recipe, runs
from training.judgement import Change, comparison
from training.models import Evaluation, EvaluationItem, QAPair, TrainingRun
from training.progress import warnings_of
from training.retraining import advise
from training.trainers.config import CONFIG, RunConfig

System = Evaluation.System
PAGE = 50
OUTCOMES = {"losses": "Lost", "gains": "Gained", "others": "Both right or both wrong"}


# --- Launch -----------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def new_run(request: Request) -> HttpResponse:
    """What a run would use, for the choices in the address; a POST starts it, and one that comes
    again, by a second press of the button, leads to what the first has started."""
    require(request.user, TRAIN)
    if request.method == "POST":
        form = RunForm(request.POST, user=request.user)
        if form.is_valid():
            return _started(request, form)
    else:
        form = RunForm(_chosen(request), user=request.user)
    return _launch(request, form)


def _started(request: Request, form: RunForm) -> HttpResponse:
    values = form.cleaned_data
    try:
        run = runs.request(
            collections=list(values["collections"]),
            by=request.user,
            mode=values["mode"],
            max_minutes=values["minutes"],
            promote_when_passed=values["promote"],
            form=_form_in(request),
        )
    except runs.AlreadyRequested as error:
        return _led_to(error.run, request, values)
    except UserError as error:
        form.add_error(None, ValidationError(str(error)))
        return _launch(request, form)
    messages.success(request, f"Run {run.number} waits for a worker.")
    return redirect("run", run.number)


def _form_in(request: Request) -> UUID | None:
    """By which the form was told from others when it was shown."""
    try:
        return UUID(request.GET.get("form", ""))
    except ValueError:
        return None


def _led_to(run: TrainingRun, request: Request, values: dict[str, Any]) -> HttpResponse:
    """To the run that the form has started; or to a form like it, if something else is chosen."""
    chosen = (values["mode"], values["minutes"], values["promote"], set(values["collections"]))
    started = (run.mode, run.max_minutes, run.promote_when_passed, set(run.collections.all()))
    told = f"Run {run.number} was started from this page before"
    if chosen == started:
        messages.info(request, f"{told}. For another one, choose Train… again.")
        return redirect("run", run.number)
    choices = request.POST.copy()
    choices.pop("csrfmiddlewaretoken", None)
    messages.warning(request, f"{told}, and nothing was started now. Start this one, if you want.")
    return redirect(f"{reverse('new_run')}?{choices.urlencode()}")


def _launch(request: Request, form: RunForm) -> HttpResponse:
    context = {"section": "training", "form": _choices(form, request.user), "checked": form}
    if form.is_valid():
        context |= {"form_id": uuid4(), **_preview(form)}
    status = 400 if request.method == "POST" else 200
    return render(request, "training_new.html", context, status=status)


def _choices(form: RunForm, user: User) -> RunForm:
    """What is chosen, without what is wrong with it: that is told in the preview alone, which is
    made anew for each choice, while the fields stay as they are."""
    return RunForm(initial={name: form[name].value() for name in form.fields}, user=user)


def _chosen(request: Request) -> QueryDict:
    """As the address says; at first what the retrain of everybody's model would take."""
    if request.GET.keys() - {"form"}:
        return request.GET
    chosen = QueryDict(mutable=True)
    chosen["mode"] = advise()[0].decision.mode
    chosen["minutes"] = f"{runs.MINUTES:g}"
    scope = Collection.objects.filter(trainable=True, readers=None).order_by("name")
    chosen.setlist("collections", [collection.slug for collection in scope])
    return chosen


def _preview(form: RunForm) -> dict[str, object]:
    """What the chosen run would use; or why it cannot be."""
    values = form.cleaned_data
    try:
        preview = datasets.preview(list(values["collections"]))
    except UserError as error:
        return {"impossible": error}
    names = dict(QAPair.Origin.choices)
    minutes = values["minutes"]
    training = recipe.training_minutes(minutes, 0)
    return {
        "preview": preview,
        "origins": [(names[origin], count) for origin, count in preview.pairs.items()],
        "rows": sum(preview.rows.values()),
        "training_seconds": training * 60,
        "other_seconds": max(minutes - training, 0) * 60,
        "before": TrainingRun.objects.filter(state__in=TrainingRun.UNFINISHED).count(),
    }


# --- One run ----------------------------------------------------------------------------------


def _run(user: User, number: int) -> Run:
    require(user, TRAIN)
    return Run(get_object_or_404(training_facts.runs(user), number=number))


@require_GET
def run(request: Request, number: int) -> HttpResponse:
    shown = _run(request.user, number)
    row = shown.row
    curves = run_live.curves([row])
    last = row.points.exclude(exact_match=None).order_by("-step").first()
    context = {
        "section": "training",
        "run": shown,
        "watch": run_live.watching([row]) if shown.is_unfinished else "",
        "curves": curves if shown.has_curves or curves[0].losses else [],
        "answers": last.answers if last and shown.is_open else [],
        "resumable": runs.can_resume(row),
        "has_begun": process.resumable(row.folder),
        "recipe": _recipe(row),
        "warnings": warnings_of(row),
        "evaluated": row.evaluations.exists(),
        "model": training_facts.models([row.model])[0] if row.model else None,
    }
    return render(request, "training_run.html", context)


def _recipe(row: TrainingRun) -> dict[str, Any]:
    """The values of `run.json` but its places on the disk; none before it is written."""
    file = row.folder / CONFIG
    if not file.exists():
        return {}
    places = ("base", "data", "out", "start")
    values = RunConfig.read(file).as_json()
    return {name: value for name, value in values.items() if name not in places}


@require_POST
@tells_user_errors
def cancel_run(request: Request, number: int) -> HttpResponse:
    runs.cancel(run=_run(request.user, number).row, by=request.user)
    messages.success(request, f"Run {number} ends within seconds. Its checkpoints are kept.")
    return redirect("run", number)


@require_POST
@tells_user_errors
def resume_run(request: Request, number: int) -> HttpResponse:
    runs.resume(run=_run(request.user, number).row, by=request.user)
    messages.success(request, f"Run {number} goes on from its newest checkpoint.")
    return redirect("run", number)


# --- Old and new, side by side ----------------------------------------------------------------


@require_GET
def run_comparison(request: Request, number: int) -> HttpResponse:
    """The changed answers on documents that the viewer may read, losses first."""
    shown = _run(request.user, number)
    asked = set(shown.row.evaluations.values_list("system", flat=True))
    others = [system for system in (System.SERVING, System.RAG) if system in asked]
    against = request.GET.get("against", "")
    against = against if against in others else (others[0] if others else "")
    changes = comparison(shown.row, user=request.user, against=against) if against else []
    fitting = [change for change in changes if _fits(change, request.GET)]
    start = _place_after(fitting, request.GET.get("after", ""))
    page = list(islice(fitting, start, start + PAGE))
    context = {
        "section": "training",
        "run": shown,
        "against": against,
        "others": [(system, System(system).label) for system in others],
        "old_name": _name_of(shown.row, against),
        "outcomes": OUTCOMES,
        "kinds": EvaluationItem.Kind.choices,
        "domains": sorted({change.new.domain for change in changes}),
        "counts": _counts(changes),
        "changes": _with_passages(shown.row, page, request.user, against),
        "left": len(fitting),
        "following": page[-1].new.number if start + PAGE < len(fitting) else None,
    }
    return render(request, "training_comparison.html", context)


def _fits(change: Change, chosen: QueryDict) -> bool:
    wanted = (chosen.get("outcome"), chosen.get("kind"), chosen.get("domain"))
    found = (_outcome(change), change.new.kind, change.new.domain)
    return all(not one or one == other for one, other in zip(wanted, found, strict=True))


def _outcome(change: Change) -> str:
    return "losses" if change.is_loss else "gains" if change.is_gain else "others"


def _counts(changes: Sequence[Change]) -> dict[str, int]:
    outcomes = [_outcome(change) for change in changes]
    return {outcome: outcomes.count(outcome) for outcome in OUTCOMES}


def _place_after(changes: Sequence[Change], number: str) -> int:
    places = {str(change.new.number): place for place, change in enumerate(changes, start=1)}
    return places.get(number, 0)


def _name_of(row: TrainingRun, system: str) -> str:
    found = row.evaluations.filter(system=system).first()
    return found.model_name if found and system == System.SERVING else "passages"


def _with_passages(
    row: TrainingRun, changes: Sequence[Change], user: User, against: str
) -> list[tuple[Change, EvaluationItem | None]]:
    """Each with the answer from passages, unless that is what it is compared with."""
    if against == System.RAG:
        return [(change, None) for change in changes]
    numbers = [change.new.number for change in changes]
    items = EvaluationItem.objects.readable_by(user).filter(
        evaluation__run=row, evaluation__system=System.RAG, number__in=numbers
    )
    answers = {item.number: item for item in items}
    return [(change, answers.get(change.new.number)) for change in changes]
