"""The places where a training can run: "cpu", or "cuda:N" with the memory of that GPU."""

import re
import subprocess
from dataclasses import dataclass

from django.conf import settings

CPU = "cpu"
DEVICE = re.compile(r"cpu|cuda:\d+")
_QUERY = [
    *("nvidia-smi", "--query-gpu=index,memory.total,memory.free"),
    "--format=csv,noheader,nounits",
]
_ANSWERS_WITHIN = 20.0
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Gpu:
    """Sizes in bytes."""

    device: str
    total: int
    free: int


def devices() -> list[str]:
    """Where this machine may train: as TRAINING_DEVICES says, else its GPUs, else its CPU."""
    return list(settings.TRAINING_DEVICES) or [gpu.device for gpu in gpus()] or [CPU]


def gpus() -> list[Gpu]:
    """The NVIDIA GPUs of this machine, as its driver tells them."""
    try:
        told = subprocess.run(
            _QUERY, capture_output=True, text=True, timeout=_ANSWERS_WITHIN, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [line.split(", ") for line in told.splitlines()]
    # One that tells no memory of its own is used when TRAINING_DEVICES names it.
    return [
        Gpu(f"cuda:{index}", int(total) * _MIB, int(free) * _MIB)
        for index, total, free in rows
        if total.isdigit() and free.isdigit()
    ]


def gpu_of(device: str) -> Gpu | None:
    return next((gpu for gpu in gpus() if gpu.device == device), None)
