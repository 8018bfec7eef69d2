"""`run.json`: everything that a training process is told. Pure.

A run's folder, which is `out`, in the end holds

    run.json             this
    events.jsonl         one JSON object a line, only ever appended: see `training.trainers.events`
    checkpoints/000120/  state.safetensors and manifest.json with its sha256; the newest two, until
                         the model is judged
    best/000120/         the best adapter of so many steps, as long as a checkpoint names it
    adapter/             adapter_config.json and adapter_model.safetensors of the best step
    result.json          written last, in one step: the run has ended well
    failure.json         {"id", "reason"}: the run cannot succeed, and what to do about it
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.writing import write_whole

CONFIG = "run.json"
CHECKPOINTS, BEST, ADAPTER = "checkpoints", "best", "adapter"


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Rates and shares are fractions; sizes of batches are in rows (questions)."""

    trainer: str  # peft or unsloth
    base: str  # folder of the model that the adapter is for
    data: str  # folder with train.jsonl and validation.jsonl
    out: str
    base_sha256: str = ""  # of its weights, when the run was planned
    start: str = ""  # folder of an adapter to go on from (append mode)
    rank: int = 16
    alpha: int = 32
    first_layer: int = 0  # the lowest that learns; those below stay as they are
    rate: float = 1.5e-3
    b_ratio: float = 1.0  # so many times faster than A learns B
    epochs: float = 6.0
    minutes: float = 6.0  # with validation; whichever of it and epochs is used up first ends it
    batch: int = 16
    warmup: float = 0.05
    weight_decay: float = 0.01
    max_tokens: int = 1024  # of a packed sequence
    evaluations: int = 5  # evenly over the run, the last at its end
    patience: int = 3  # more evaluations in a row without a better one end the run; five never do
    checkpoint_seconds: float = 30.0
    seed: int = 1
    threads: int = 0  # 0: all cores
    quantise: bool = False  # QLoRA nf4; GPU only

    @classmethod
    def read(cls, path: Path) -> "RunConfig":
        """Raises ValueError for a file that does not describe a run."""
        try:
            return cls(**json.loads(path.read_text()))
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{path} does not describe a run: {error}") from error

    def write(self, path: Path) -> None:
        write_whole(path, json.dumps(asdict(self), indent=1) + "\n")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
