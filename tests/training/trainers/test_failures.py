"""How a trainer that cannot succeed says so, and what can be done about it."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from django.conf import settings

from training.trainers.__main__ import FAILED, main
from training.trainers.config import CONFIG, RunConfig
from training.trainers.events import FAILURE


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The trainer has a process of its own, and hears in it when it is to stop."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_full_gpu_is_told_with_what_people_can_set(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(torch.optim.AdamW, "step", full)
    path = Path(config.out) / CONFIG
    config.write(path)
    assert main(path) == FAILED
    failure = json.loads((Path(config.out) / FAILURE).read_text())
    assert failure["id"] == "gpu-memory"
    named = re.findall(r"[A-Z]+_[A-Z]+", failure["reason"])
    assert named
    assert all(hasattr(settings, name) for name in named)
    assert "batch" not in failure["reason"]
