"""`run.json` of a run: base model, recipe, the time that is left; what an append starts from."""

from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from router.adapter_files import weights_sha256
from router.model_store import adapter_folder
from training import appending, recipe
from training.base_model import read_base_model
from training.datasets.manifest import read_manifest
from training.devices import gpu_of
from training.models import Dataset, TrainingRun
from training.trainers.config import RunConfig


def plan(run: TrainingRun, dataset: Dataset) -> RunConfig:
    """What the trainer is told. Raises `UserError` for a base model that cannot be trained, and
    `nothing-to-append-to`."""
    folder = Path(settings.MODELS_DIR) / settings.BASE_MODEL
    base, base_sha256, gpu = read_base_model(folder), weights_sha256(folder), gpu_of(run.device)
    values = asdict(recipe.recipe(base, gpu_bytes=gpu.total if gpu else None))
    if run.mode == TrainingRun.Mode.APPEND:
        readers = [each["readers"] for each in read_manifest(dataset.folder)["collections"]]
        model = appending.model_to_append_to(readers)
        appending.check_base(model, base_sha256)
        values |= {"start": str(adapter_folder(model.name)), "epochs": 1.0, "evaluations": 1}
    return RunConfig(
        trainer=run.trainer,
        base=str(folder),
        base_sha256=base_sha256,
        data=str(dataset.folder),
        out=str(run.folder),
        minutes=recipe.training_minutes(run.max_minutes, minutes_used(run)),
        **values,
    )


def minutes_used(run: TrainingRun) -> float:
    """Since the run was first taken out of the queue."""
    now = timezone.now()
    return (now - (run.started_at or now)).total_seconds() / 60
