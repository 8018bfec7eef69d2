"""Trying a candidate on a share of the people: the question, how it goes, its end."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from docportal.templatetags.portal import percent, seconds
from docportal.views.access import PROMOTE, Request, require, tells_user_errors
from docportal.views.forms import TrialForm
from ingestion.errors import UserError
from router import trials
from router.canary import LEAST_ANSWERS
from router.models import ModelVersion
from router.tuned import is_tainted

Stage = ModelVersion.Stage

BY_HAND = "An admin ended it."
# What is counted, in which of the answers.
COUNTED = (
    ("Failed", "failed", "answers"),
    ("Refused", "refused", "answers"),
    ("Disliked", "disliked", "answers"),
    ("Not borne out by a passage", "unsupported", "asked"),
)


# --- How it goes ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: the same figure of the canary and of what serves."""

    what: str
    canary: str
    serving: str


@dataclass(frozen=True, slots=True)
class Trial:
    model: ModelVersion
    instead: ModelVersion | None
    rows: Sequence[Row]
    can_be_judged: bool


def under_way() -> list[Trial]:
    return [
        Trial(
            model=trial.model,
            instead=trial.instead,
            rows=_rows(trial),
            can_be_judged=min(trial.canary.answers, trial.serving.answers) >= LEAST_ANSWERS,
        )
        for trial in trials.under_way()
    ]


def taken_back() -> list[ModelVersion]:
    """Of the models that were tried last, those whose trial was ended."""
    return [model for model in trials.latest() if model.stage == Stage.CANDIDATE]


def _rows(trial: trials.Trial) -> list[Row]:
    both = (trial.canary, trial.serving)
    rows = [
        Row("People", *(f"{tally.people:,}" for tally in both)),
        Row("Answers", *(f"{tally.answers:,}" for tally in both)),
    ]
    for what, name, of in COUNTED:
        rows.append(Row(what, *(_share(getattr(one, name), getattr(one, of)) for one in both)))
    times = (seconds(tally.p95_ms) if tally.answers else "–" for tally in both)
    return [*rows, Row("95 % answered within", *times)]


def _share(count: int, of: int) -> str:
    return f"{count:,} · {percent(count / of)}" if of else "–"


# --- Begin and end ----------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def begin(request: Request, name: str) -> HttpResponse:
    """Asks once; a POST begins it."""
    require(request.user, PROMOTE)
    model = get_object_or_404(ModelVersion, name=name)
    form = TrialForm(request.POST or None, gate_passed=model.gate_passed)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data.get("reason", "")
        share = form.cleaned_data["share"]
        try:
            trials.begin_canary(model, share=share, by=request.user, override_reason=reason)
        except UserError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{model} is tried on {share} % of the people.")
            return redirect("training")
    others = ModelVersion.objects.filter(audience=model.audience).exclude(pk=model.pk)
    context = {
        "section": "training",
        "model": model,
        "tainted": is_tainted(model),
        "instead": others.filter(stage=Stage.SERVING).first(),
        "other": others.filter(stage=Stage.CANARY).first(),
        "form": form,
    }
    return render(request, "training_trial.html", context, status=400 if form.errors else 200)


@require_POST
@tells_user_errors
def end(request: Request, name: str) -> HttpResponse:
    require(request.user, PROMOTE)
    model = get_object_or_404(ModelVersion, name=name)
    trials.end_canary(model, by=request.user, reason=BY_HAND)
    messages.success(request, f"The trial of {model} has ended. It is a candidate again.")
    return redirect("training")
