"""What a training needs of its machine, checked before it starts: each lack says what to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
from django.conf import settings

from ingestion.errors import UserError
from training import recipe
from training.base_model import BaseModel, read_base_model
from training.devices import CPU, gpu_of
from training.models import TrainingRun
from training.trainers.config import RunConfig

_GIB = 1 << 30
_ANSWERS_WITHIN = 60.0


def check(config: RunConfig, *, device: str) -> None:
    """Raises `UserError` for the first thing that is missing: `bad-trainer`, `no-unsloth`,
    `no-gpu`, `base-missing`, `base-not-llama`, `memory`, `gpu-memory`, `disk-full`."""
    interpreter(config.trainer, device=device)
    base = read_base_model(Path(config.base))
    if device == CPU:
        _check_memory(base)
    else:
        _check_gpu_memory(base, config, device)
    for folder in (settings.RUNS_DIR, settings.TUNED_DIR):
        _check_disk(base, config.rank, Path(folder))


def interpreter(trainer: str, *, device: str) -> str:
    """The Python that has the trainer's library. Raises `UserError`."""
    if trainer == TrainingRun.Trainer.PEFT:
        return sys.executable
    if trainer != TrainingRun.Trainer.UNSLOTH:
        raise UserError("bad-trainer", f"There is no trainer {trainer!r}. Set TRAINER to peft.")
    if device == CPU and not settings.UNSLOTH_FORCE_CPU:
        raise UserError(
            "no-gpu",
            "Unsloth needs an NVIDIA GPU, and none was found. Set TRAINER to peft, or try it on "
            "the CPU with UNSLOTH_FORCE_CPU=1.",
        )
    if not _has_unsloth(settings.UNSLOTH_PYTHON):
        raise UserError(
            "no-unsloth",
            f"UNSLOTH_PYTHON is {settings.UNSLOTH_PYTHON!r}, which is not a Python with unsloth. "
            "Run `make unsloth`, then set UNSLOTH_PYTHON to the full path of "
            ".venv-unsloth/bin/python.",
        )
    return str(settings.UNSLOTH_PYTHON)


def _has_unsloth(python: str) -> bool:
    if not os.access(python, os.X_OK):
        return False
    search = "import importlib.util, sys; sys.exit(importlib.util.find_spec('unsloth') is None)"
    try:
        found = subprocess.run([python, "-c", search], timeout=_ANSWERS_WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 0


def _check_memory(base: BaseModel) -> None:
    free, needed = psutil.virtual_memory().available, recipe.memory_bytes_needed(base)
    if free < needed:
        raise UserError(
            "memory",
            f"Training {base.folder.name} takes about {_gib(needed)} of memory, and {_gib(free)} "
            "are free. End other programs, or set BASE_MODEL to a smaller model for a new run.",
        )


def _check_gpu_memory(base: BaseModel, config: RunConfig, device: str) -> None:
    gpu = gpu_of(device)
    needed = recipe.gpu_bytes_needed(base, quantise=config.quantise)
    if gpu is not None and gpu.free < needed:
        raise UserError(
            "gpu-memory",
            f"Training {base.folder.name} takes about {_gib(needed)} of the memory of {device}, "
            f"and {_gib(gpu.free)} are free. End what runs on it, name another one in "
            "TRAINING_DEVICES, or set BASE_MODEL to a smaller model for a new run.",
        )


def _check_disk(base: BaseModel, rank: int, folder: Path) -> None:
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free, needed = shutil.disk_usage(place).free, recipe.disk_bytes_needed(base, rank)
    if free < needed:
        raise UserError(
            "disk-full",
            f"A run needs {_gib(needed)} on the disk of {folder}, and {_gib(free)} are free. "
            "Make room there: old models and runs may go.",
        )


def _gib(size: int) -> str:
    return f"{size / _GIB:.1f} GiB"
