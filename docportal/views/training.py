"""The dashboard: what serves, what a retrain would bring, runs, models; promote and roll back."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from docportal.views import paging, run_live, training_facts, trials
from docportal.views.access import PROMOTE, SET_POLICY, TRAIN, Request, require, tells_user_errors
from docportal.views.forms import PolicyForm, ReasonForm
from docportal.views.training_facts import Run
from ingestion.errors import UserError
from router import registry
from router.models import ModelVersion
from router.tuned import is_tainted
from training import promoting
from training.audit import findings
from training.models import TrainingRun
from training.retraining import Advice, advise, change_policy, current_policy, policy_seen

PAGE = 20
ORDER = ("-number", "pk")


@require_GET
def training(request: Request) -> HttpResponse:
    require(request.user, TRAIN)
    rows = training_facts.runs(request.user)
    unfinished = [Run(row) for row in rows.filter(state__in=TrainingRun.UNFINISHED)]
    unfinished.sort(key=lambda run: (run.row.state == TrainingRun.State.QUEUED, run.row.number))
    ended = rows.exclude(state__in=TrainingRun.UNFINISHED)
    run_page = paging.page(ended, ORDER, request.GET.get("runs", ""), PAGE)
    versions = ModelVersion.objects.select_related("run")
    model_page = paging.page(versions, ORDER, request.GET.get("models", ""), PAGE)
    audiences = training_facts.audiences(request.user)
    context = {
        "section": "training",
        "audiences": audiences,
        "trials": trials.under_way(),
        "ended_trials": trials.taken_back(),
        "unfinished": unfinished,
        "watch": run_live.watching(run.row for run in unfinished),
        "curves": run_live.curves(run.row for run in unfinished if run.has_curves),
        "runs": [Run(row) for row in run_page.rows],
        "more_runs": run_page.following,
        "models": training_facts.models(model_page.rows),
        "more_models": model_page.following,
        "found": findings(),
        "policy": current_policy(),
        "decisions": [audience.advice for audience in audiences],
        "events": training_facts.audit(),
    }
    return render(request, "training.html", context)


# --- By itself --------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def retrain_policy(request: Request) -> HttpResponse:
    require(request.user, SET_POLICY)
    policy = current_policy()
    initial = {
        "enabled": policy.enabled,
        "every_hours": policy.every_hours,
        "least_new_facts": policy.least_new_facts,
        "least_stale_percent": round(policy.least_stale_share * 100, 2),
        "promote_when_passed": policy.promote_when_passed,
    }
    form = PolicyForm(request.POST or None, initial=initial)
    seen = request.POST.get("seen") or policy_seen(policy)
    if request.method == "POST" and form.is_valid():
        try:
            _save(form.cleaned_data, request, seen)
        except UserError as error:
            seen = policy_seen(current_policy())
            form.add_error(None, str(error))
        else:
            for advice in advise():
                messages.success(request, f"Saved. {_says(advice)}")
            return redirect("training")
    context = {"section": "training", "form": form, "seen": seen, "decisions": advise()}
    return render(request, "training_policy.html", context, status=400 if form.errors else 200)


def _save(values: dict[str, Any], request: Request, seen: str) -> None:
    share = values.pop("least_stale_percent") / 100
    change_policy(by=request.user, least_stale_share=share, looked_at=seen, **values)


def _says(advice: Advice) -> str:
    soon = "The next run starts within a minute: " if advice.decision.retrain else ""
    return f"{soon}{advice.decision.reason}"


# --- Promote and roll back: each asks once ----------------------------------------------------


@require_http_methods(["GET", "POST"])
def promote(request: Request, name: str) -> HttpResponse:
    require(request.user, PROMOTE)
    model = get_object_or_404(ModelVersion.objects.select_related("run"), name=name)
    run = TrainingRun.objects.filter(model=model).first()
    form = ReasonForm(
        request.POST if request.method == "POST" else None,
        gate_passed=model.gate_passed,
        initial={"reason": run.override_reason if run else ""},
    )
    if form.is_valid():
        try:
            promoting.promote(
                model=model,
                by=request.user,
                reason=form.cleaned_data.get("reason", ""),
                instead_of=request.POST.get("instead_of"),
            )
        except UserError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{model} answers from now on, as soon as it is loaded.")
            return redirect("training")
    serving = ModelVersion.objects.filter(
        stage=ModelVersion.Stage.SERVING, audience=model.audience
    ).first()
    context = {
        "section": "training",
        "model": model,
        "tainted": is_tainted(model),
        "instead": serving if serving != model else None,
        "serves": serving == model,
        "run": _run(request, run),
        "form": form,
    }
    status = 400 if form.errors else 200
    return render(request, "training_confirm.html", context, status=status)


def _run(request: Request, run: TrainingRun | None) -> Run | None:
    return Run(training_facts.runs(request.user).get(pk=run.pk)) if run else None


@require_http_methods(["GET", "POST"])
@tells_user_errors
def roll_back(request: Request, name: str) -> HttpResponse:
    require(request.user, PROMOTE)
    model = get_object_or_404(ModelVersion.objects.select_related("previous"), name=name)
    if model.stage != ModelVersion.Stage.SERVING:
        raise UserError("not-serving", f"{model} serves no longer. Look at the dashboard again.")
    if request.method == "POST":
        previous = registry.roll_back(
            by=request.user,
            audience=model.audience,
            instead_of=model.name,
            back_to=request.POST.get("back_to"),
        )
        messages.success(request, f"{previous} answers again instead of {model}.")
        return redirect("training")
    context = {
        "section": "training",
        "model": model.previous,
        "tainted": model.previous is not None and is_tainted(model.previous),
        "instead": model,
        "back": True,
    }
    return render(request, "training_confirm.html", context)
