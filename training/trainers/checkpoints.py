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

from training.trainers.config import ADAPTER, BEST, CHECKPOINTS
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


def save(out: Path, learner: Learner, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Write `checkpoints/<step>`: it is there complete or not at all. Older ones go, but for one,
    and so do best adapters that no checkpoint names."""
    place = out / CHECKPOINTS / _name(progress.step)
    draft = _draft(place)
    draft.mkdir(parents=True)
    save_file(_tensors(learner, optimizer), draft / _STATE)
    manifest = {"sha256": sha256_of(draft / _STATE), "progress": asdict(progress)}
    (draft / _MANIFEST).write_text(json.dumps(manifest))
    _put(draft, place)
    there = _newest_first(place.parent)
    kept = [found for one in there[:KEPT] if (found := _manifest(one))]
    named = {_name(manifest["progress"]["best_step"]) for manifest in kept}
    unnamed = [best for best in _newest_first(out / BEST) if best.name not in named]
    for old in (*there[KEPT:], *unnamed):
        shutil.rmtree(old)


def save_best(out: Path, learner: Learner, step: int) -> None:
    """Write `best/<step>`, the adapter as it is now: it is there complete or not at all.

    Those before it stay: a run that is killed before its next checkpoint goes on with one of them.
    """
    place = out / BEST / _name(step)
    draft = _draft(place)
    learner.save(draft)
    _put(draft, place)


def take_best(out: Path, step: int) -> None:
    """Make `adapter` a copy of `best/<step>`."""
    place = out / ADAPTER
    draft = _draft(place)
    shutil.copytree(out / BEST / _name(step), draft)
    _put(draft, place)


def resume(out: Path, learner: Learner, optimizer: torch.optim.Optimizer) -> Progress:
    """Go on from the newest checkpoint whose bytes are those that were written, and whose best
    adapter is there."""
    for place in _newest_first(out / CHECKPOINTS):
        manifest = _verified(place)
        if manifest is None:
            continue
        progress = Progress(**manifest["progress"])
        if progress.history and not (out / BEST / _name(progress.best_step)).is_dir():
            continue
        _load(load_file(place / _STATE), learner, optimizer)
        return progress
    return Progress()


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(step: int) -> str:
    return f"{step:06d}"


def _newest_first(folder: Path) -> list[Path]:
    return sorted((p for p in folder.glob("[0-9]*") if p.is_dir()), reverse=True)


def _verified(place: Path) -> dict[str, Any] | None:
    manifest = _manifest(place)
    try:
        whole = manifest is not None and sha256_of(place / _STATE) == manifest["sha256"]
    except (OSError, KeyError):
        return None
    return manifest if whole else None


def _manifest(place: Path) -> dict[str, Any] | None:
    try:
        manifest: dict[str, Any] = json.loads((place / _MANIFEST).read_text())
    except (OSError, ValueError):
        return None
    return manifest


def _draft(place: Path) -> Path:
    """Where it is written before it gets its name; what a killed process left there is gone."""
    draft = place.with_name(f".{place.name}")
    shutil.rmtree(draft, ignore_errors=True)
    return draft


def _put(draft: Path, place: Path) -> None:
    """Durably. What stands there is of an earlier start, and no good checkpoint names it."""
    for path in (*draft.iterdir(), draft):
        _to_disk(path)
    shutil.rmtree(place, ignore_errors=True)
    draft.rename(place)
    _to_disk(place.parent)


def _to_disk(path: Path) -> None:
    """A file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
