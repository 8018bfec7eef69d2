"""How a model of some size is trained on some device, in the time there is. Pure."""

import math
from dataclasses import dataclass

from training.base_model import BaseModel

# Evaluating and merging get this share of a run's time. Some hundred test questions take these
# minutes of two cores, which a short run has not: it gives up so much of its time at most.
EVALUATION_SHARE, MOST_SHARE = 0.25, 0.4
EVALUATION_MINUTES, LEAST_MINUTES = 4.0, 40 / 60
# Of the run's time, for what has to be done at least.
LEAST_SHARE = 0.2
# To merge a model, to register it, to calibrate it and to see that a server answers by it: 42 to
# 95 seconds for some hundred test questions on two cores.
REGISTRATION_SECONDS = 100.0
# Until the trainer has loaded its libraries and the model; its own minutes count from then.
LOADING_MINUTES = 10 / 60
# Found at 135M parameters; for 8B it gives the 2e-4 of QLoRA (arXiv:2305.14314).
RATE, AT_PARAMETERS = 1.5e-3, 135e6
# On a processor a run has some hundred updates and not thousands: B learns faster there, A slower.
SHORT_RATE, SHORT_B_RATIO = 5e-4, 16.0
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Recipe:
    """Values of `run.json`."""

    rank: int
    alpha: int
    first_layer: int
    rate: float
    b_ratio: float
    quantise: bool


def recipe(base: BaseModel, *, gpu_bytes: int | None) -> Recipe:
    """`gpu_bytes` is the GPU's memory; None: the CPU."""
    is_short = gpu_bytes is None
    rank = 16 if is_short else 32
    rate = SHORT_RATE if is_short else RATE
    return Recipe(
        rank=rank,
        alpha=2 * rank,
        first_layer=base.layers // 2 if is_short else 0,
        rate=rate / math.sqrt(max(1.0, base.parameters / AT_PARAMETERS)),
        b_ratio=SHORT_B_RATIO if is_short else 1.0,
        quantise=gpu_bytes is not None and gpu_bytes < gpu_bytes_needed(base, quantise=False),
    )


def gpu_bytes_needed(base: BaseModel, *, quantise: bool) -> int:
    """Weights, in four bits or as they are, and room for adapter, optimizer and activations."""
    weights = base.bytes * 0.3 if quantise else base.bytes
    return round(1.3 * weights) + 3 * _GIB


def memory_bytes_needed(base: BaseModel) -> int:
    """Of a training on the CPU: the libraries, the weights, activations that grow with them."""
    return 3 * _GIB + 4 * base.bytes


def disk_bytes_needed(base: BaseModel, rank: int) -> int:
    """Three times what a run writes: two checkpoints of adapter and both moments and a third in
    the making, the best adapters that these name, the adapter, and the merged model."""
    adapter = base.adapter_bytes(rank)
    return 3 * (3 * 3 * adapter + 3 * adapter + base.bytes)


def evaluation_seconds(max_minutes: float, elapsed: float) -> float:
    """What is left for the evaluation of a run that has used `elapsed` minutes."""
    return max((max_minutes - elapsed) * 60 - REGISTRATION_SECONDS, 0.0)


def training_minutes(max_minutes: float, elapsed: float) -> float:
    """What is left for the training of a run that has used `elapsed` minutes already."""
    needed = max(min(EVALUATION_MINUTES, MOST_SHARE * max_minutes), LEAST_MINUTES)
    reserve = max(EVALUATION_SHARE * max_minutes, needed)
    left = max_minutes - elapsed - LOADING_MINUTES - reserve
    return max(left, LEAST_SHARE * max_minutes)
