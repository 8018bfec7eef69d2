"""Tuned models from their registration to their end: register, promote, roll back, prune.

A model is its row; its files (`router.model_store`) are there before the row and go after it says
so. Whoever may be answered by which model is a question to the database (`router.tuned`).
"""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from ingestion.audit import Actor, record
from ingestion.errors import UserError
from ingestion.hooks import announce
from ingestion.models import Collection, Event
from ingestion.storage import sha256_of
from router import model_store, vllm
from router.adapter_files import WEIGHTS, check_adapter, check_merged, weights_sha256
from router.model_store import Staged
from router.models import ModelCoverage, ModelVersion, TaughtQuestions
from router.smoke import smoke_test
from router.tuned import audience_of, is_tainted

Stage = ModelVersion.Stage

NAME = "docs-v{:04d}"


# --- In ----------------------------------------------------------------------------------------
def register(
    *,
    adapter: Path,
    merged: Path | None,
    base: Path,
    base_sha256: str,
    dataset_sha256: str,
    recipe: Mapping[str, Any],
    metrics: Mapping[str, Any],
    readers: Mapping[int, Sequence[int]],
    coverage: Mapping[str, tuple[int, float | None]],
    gate_passed: bool,
    smoke: bool = True,
) -> ModelVersion:
    """Keep a trained model as the next version, a candidate. The given folders stay as they are.

    `merged` is what the embedded server loads, None where a company's server loads adapters.
    `base_sha256` is that of `weights_sha256(base)` when the training began. `readers` are the
    group ids by trained collection, then; all have the same. `coverage` is, by content hash, the
    number of pairs and the exact match on held-out phrasings. `smoke`: it has to answer something.

    The same adapter of the same recipe, which names its run, gives the version that it became, with
    the new verdict if it is still a candidate. A process that is killed in here leaves a whole
    version or none. Raises `UserError`: `bad-adapter`, `base-changed`, `mixed-readers`,
    `says-nothing`.
    """
    audience = _audience(readers)
    with model_store.locked():
        model_store.remove_leftovers(set(ModelVersion.objects.values_list("name", flat=True)))
        number = _next_number()
        with model_store.staged(NAME.format(number), adapter, merged) as staged:
            adapter_sha256 = _checked(staged, base, base_sha256)
            if known := _registered(adapter_sha256, recipe):
                return _judged_again(known, metrics, gate_passed=gate_passed)
            if smoke:
                smoke_test(staged)
            model = ModelVersion(
                number=number,
                name=staged.name,
                base=base.name,
                base_sha256=base_sha256,
                adapter_sha256=adapter_sha256,
                files=model_store.publish(staged),
                dataset_sha256=dataset_sha256,
                recipe=dict(recipe),
                metrics=dict(metrics),
                audience=audience,
                readers={str(pk): sorted(groups) for pk, groups in readers.items()},
                gate_passed=gate_passed,
            )
            _store(model, coverage)
        _prune(settings.TUNED_VERSIONS_KEPT)
    return model


def _audience(readers: Mapping[int, Sequence[int]]) -> str:
    audiences = {audience_of(groups) for groups in readers.values()}
    if len(audiences) != 1:
        raise UserError(
            "mixed-readers",
            "A model can be trained on collections with the same readers only. Choose such.",
        )
    return audiences.pop()


def _next_number() -> int:
    highest = ModelVersion.objects.aggregate(highest=Max("number"))["highest"] or 0
    taken = model_store.names()
    while NAME.format(highest + 1) in taken:
        highest += 1
    return highest + 1


def _checked(staged: Staged, base: Path, base_sha256: str) -> str:
    """The sha256 of the adapter's weights, after everything else was looked at."""
    if weights_sha256(base) != base_sha256:
        raise UserError(
            "base-changed",
            f"The base model {base.name} was changed during the training. Train again.",
        )
    check_adapter(staged.adapter, base)
    if staged.merged is not None:
        check_merged(staged.merged, base)
    return sha256_of(staged.adapter / WEIGHTS)


def _registered(adapter_sha256: str, recipe: Mapping[str, Any]) -> ModelVersion | None:
    same = ModelVersion.objects.filter(adapter_sha256=adapter_sha256, pruned_at=None)
    return next((model for model in same if model.recipe == recipe), None)


def _judged_again(
    model: ModelVersion, metrics: Mapping[str, Any], *, gate_passed: bool
) -> ModelVersion:
    """With the verdict of now. One that somebody promoted or tries goes on by that of then."""
    ModelVersion.objects.filter(pk=model.pk, stage=Stage.CANDIDATE).update(
        metrics=dict(metrics), gate_passed=gate_passed
    )
    model.refresh_from_db()
    return model


@transaction.atomic
def _store(model: ModelVersion, coverage: Mapping[str, tuple[int, float | None]]) -> None:
    model.save(force_insert=True)
    model.collections.set(Collection.objects.filter(pk__in=model.readers))
    ModelCoverage.objects.bulk_create(
        [
            ModelCoverage(
                model=model, content_hash=content_hash, pairs=pairs, heldout_exact=heldout_exact
            )
            for content_hash, (pairs, heldout_exact) in coverage.items()
        ],
        batch_size=500,
    )


# --- Forth and back ----------------------------------------------------------------------------
def promote(model: ModelVersion, *, by: Actor, override_reason: str = "") -> ModelVersion:
    """Have `model` answer instead of the version that serves the same readers, in one step.

    One that serves already goes on, and nothing is written down. A canary's trial is over. A model
    that its gate stopped needs a reason, which is kept. Raises `UserError`: `gate-not-passed`,
    `pruned`, `tainted`, `tampered`, `not-loaded`.
    """
    reason = override_reason.strip()
    make_ready(model, override_reason=reason)
    return put_in_place(model, by=by, reason=reason)


def put_in_place(
    model: ModelVersion, *, by: Actor, reason: str, instead_of: str | None = None
) -> ModelVersion:
    """The step of `promote` that takes no time, for whoever has called `make_ready`.

    `instead_of` is the name of the one that was to be replaced, empty for none; without it, it
    replaces whichever serves. Raises `UserError`: `changed-meanwhile`.
    """
    with transaction.atomic():
        serving = _serving(locked(_for(model.audience)))
        if serving is not None and serving.pk == model.pk:
            return serving
        serves = serving.name if serving is not None else ""
        if instead_of not in (None, serves):
            raise UserError(
                "changed-meanwhile",
                f"{serves or 'No tuned model'} serves meanwhile, not {instead_of or 'none'}. "
                "Nothing was changed. Look again.",
            )
        _retire(serving)
        _serve(model, previous=serving)
        record(by, "promoted", detail=_told(model, serving, reason))
        _announce(Event.PROMOTED, model, serving)
    model.refresh_from_db()
    return model


def roll_back(
    *, by: Actor, audience: str = "", instead_of: str | None = None, back_to: str | None = None
) -> ModelVersion:
    """Have the version before the serving one answer again, in one step.

    `instead_of` is the name of the one that was to be taken back, `back_to` that of the one before
    it; without them it is whichever serves, and whichever came before. Raises `UserError`:
    `nothing-serves`, `no-way-back`, `pruned`, `tainted`, `tampered`, `changed-meanwhile`.
    """
    serving = _serving(_for(audience))
    if serving is None:
        raise UserError("nothing-serves", "No tuned model serves, so nothing can be rolled back.")
    previous = serving.previous
    if previous is None:
        raise UserError(
            "no-way-back", f"{serving} is the first that serves. Promote another one instead."
        )
    if instead_of not in (None, serving.name) or back_to not in (None, previous.name):
        raise UserError(
            "changed-meanwhile",
            f"{serving} serves meanwhile, and {previous} served before it. Nothing was changed. "
            "Look again.",
        )
    _check_fit(previous)
    with transaction.atomic():
        now = _serving(locked(_for(audience)))
        if now is None or (now.pk, now.previous_id) != (serving.pk, previous.pk):
            raise UserError("changed-meanwhile", "Another model was promoted just now. Look again.")
        _retire(serving)
        _serve(previous, previous=previous.previous)
        record(by, "rolled back", detail=_told(previous, serving))
        _announce(Event.ROLLED_BACK, previous, serving)
    previous.refresh_from_db()
    return previous


def make_ready(model: ModelVersion, *, override_reason: str) -> None:
    """Have `model` able to answer before anybody is answered by it. Raises as `promote`."""
    if not model.gate_passed and not override_reason:
        raise UserError(
            "gate-not-passed",
            f"{model} did not pass its gate. Write a reason to have it answer all the same.",
        )
    _check_fit(model)
    _load(model)


def _check_fit(model: ModelVersion) -> None:
    """Raises `UserError` for what nobody may be answered by."""
    if model.pruned_at is not None:
        raise UserError("pruned", f"The files of {model} were removed to save room. Train again.")
    if is_tainted(model):
        raise UserError(
            "tainted",
            f"{model} was trained on documents whose readers are fewer now. Train again.",
        )
    model_store.check_files(model.name, model.files, merged=not settings.LLM_URL)


def _load(model: ModelVersion) -> None:
    """On a company's server, before any question is sent there."""
    if not settings.LLM_URL:
        return
    try:
        vllm.load(model.name)
    except vllm.AdapterRefused as error:
        raise UserError(
            "not-loaded",
            f"The model server does not load {model}: {error} "
            "Check LLM_URL, VLLM_ADAPTERS_DIR and how the server was started. Nothing was changed.",
        ) from error


def _for(audience: str) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(audience=audience)


def locked(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """The same, once nobody else changes them: of two changes the second sees the first."""
    list(versions.order_by("pk").select_for_update().values_list("pk"))
    return versions.all()


def _serving(versions: QuerySet[ModelVersion]) -> ModelVersion | None:
    return versions.filter(stage=Stage.SERVING).select_related("previous").first()


def _retire(serving: ModelVersion | None) -> None:
    if serving is not None:
        ModelVersion.objects.filter(pk=serving.pk, stage=Stage.SERVING).update(stage=Stage.RETIRED)


def _serve(model: ModelVersion, *, previous: ModelVersion | None) -> None:
    now = timezone.now()
    ModelVersion.objects.filter(pk=model.pk, stage=Stage.CANARY).update(canary_ended_at=now)
    served = (
        ModelVersion.objects.filter(pk=model.pk, pruned_at=None)
        .exclude(stage=Stage.SERVING)
        .update(stage=Stage.SERVING, previous=previous, promoted_at=now)
    )
    if not served or is_tainted(model):
        raise UserError("changed-meanwhile", f"{model} can no longer serve. Look again.")


def _told(model: ModelVersion, before: ModelVersion | None, reason: str = "") -> str:
    instead = f" instead of {before}" if before else ""
    return f"{model}{instead}{f': {reason}' if reason else ''}"


def _announce(event: Event, model: ModelVersion, before: ModelVersion | None) -> None:
    facts = {"model": model.name, "instead_of": before.name if before else None}
    announce(event, collections=[int(pk) for pk in model.readers], facts=facts)


# --- Out ---------------------------------------------------------------------------------------
def prune(keep: int | None = None) -> list[str]:
    """Remove the files and the taught questions of old versions but the newest `keep`; their rows
    stay. Returns the names.

    Never of one that serves, that is a way back, or that is a canary.
    """
    with model_store.locked():
        return _prune(settings.TUNED_VERSIONS_KEPT if keep is None else keep)


def _prune(keep: int) -> list[str]:
    with transaction.atomic():
        versions = locked(ModelVersion.objects.filter(pruned_at=None))
        serving = versions.filter(stage=Stage.SERVING, previous__isnull=False)
        spare = versions.filter(stage__in=(Stage.CANDIDATE, Stage.RETIRED))
        spare = spare.exclude(pk__in=serving.values("previous"))
        old = list(spare.order_by("-number"))[keep:]
        ModelVersion.objects.filter(pk__in=[model.pk for model in old]).update(
            pruned_at=timezone.now()
        )
    if settings.LLM_URL:
        # First, because vLLM dies of a question to an adapter whose files are gone.
        for model in old:
            with contextlib.suppress(vllm.AdapterRefused):  # It then forgets with its next start.
                vllm.unload(model.name)
    # All of them, also those that an earlier process no longer came to.
    TaughtQuestions.objects.filter(model__pruned_at__isnull=False).delete()
    for model in ModelVersion.objects.exclude(pruned_at=None):
        model_store.remove(model.name)
    return [model.name for model in old]
