"""The state of a run on disk: written whole, verified before it is trusted."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.trainers.learner import Learner

KEPT = 2
_STATE, _MANIFEST = "state.safetensors", "manifest.json"


@dataclass
class Progress:
    """What a run knows beside its weights. Seconds and tokens are of training alone.

    `elapsed` is the time of all that the run did, in seconds: with validation and checkpoints.
    """

    step: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0
    tokens: int = 0
    rows: int = 0
    evaluations: int = 0
    best: float = -1e9
    best_step: int = 0
    since_best: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


def save(
    folder: Path, learner: Learner, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write `folder/<step>`: it is there complete or not at all. Older ones go, but for one."""
    place = folder / f"{progress.step:06d}"
    draft = folder / f".{place.name}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    save_file(_tensors(learner, optimizer), draft / _STATE)
    manifest = {"sha256": sha256_of(draft / _STATE), "progress": asdict(progress)}
    (draft / _MANIFEST).write_text(json.dumps(manifest))
    for file in draft.iterdir():
        _to_disk(file)
    if not place.exists():
        draft.rename(place)
    for old in _newest_first(folder)[KEPT:]:
        shutil.rmtree(old)


def resume(folder: Path, learner: Learner, optimizer: torch.optim.Optimizer) -> Progress:
    """Go on from the newest checkpoint whose bytes are those that were written."""
    for place in _newest_first(folder):
        manifest = _verified(place)
        if manifest is not None:
            _load(load_file(place / _STATE), learner, optimizer)
            return Progress(**manifest["progress"])
    return Progress()


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _newest_first(folder: Path) -> list[Path]:
    return sorted((p for p in folder.glob("[0-9]*") if p.is_dir()), reverse=True)


def _verified(place: Path) -> dict[str, Any] | None:
    try:
        manifest: dict[str, Any] = json.loads((place / _MANIFEST).read_text())
        whole = sha256_of(place / _STATE) == manifest["sha256"]
    except (OSError, ValueError, KeyError):
        return None
    return manifest if whole else None


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _tensors(learner: Learner, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {f"adapter.{name}": p.detach() for name, p in learner.adapter().items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
    return {name: tensor.to("cpu").contiguous() for name, tensor in tensors.items()}


def _load(
    tensors: Mapping[str, Tensor], learner: Learner, optimizer: torch.optim.Optimizer
) -> None:
    learner.load({n.removeprefix("adapter."): t for n, t in tensors.items()})
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, number, moment = name.split(".")
            moments.setdefault(int(number), {})[moment] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
