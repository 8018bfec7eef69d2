"""Models of a few bytes in the form of real ones: for tests that look at files and load nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingestion.models import Collection
from router import registry
from router.adapter_files import weights_sha256
from router.calibration import Calibration
from router.models import ModelVersion
from router.signals import FEATURES

RANK = 2
LAYER = "model.layers.0.self_attn.q_proj"
BASE_SHAPES: dict[str, tuple[int, ...]] = {
    "model.embed_tokens.weight": (16, 8),
    f"{LAYER}.weight": (12, 8),
}
ADAPTER_SHAPES: dict[str, tuple[int, ...]] = {
    f"base_model.model.{LAYER}.lora_A.weight": (RANK, 8),
    f"base_model.model.{LAYER}.lora_B.weight": (12, RANK),
}
# As PEFT writes it, with much that is switched off.
ADAPTER_CONFIG: dict[str, Any] = {
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "base_model_name_or_path": "/models/base",
    "r": RANK,
    "lora_alpha": 4,
    "lora_dropout": 0.0,
    "bias": "none",
    "target_modules": ["q_proj"],
    "inference_mode": True,
    "init_lora_weights": True,
    "modules_to_save": None,
    "rank_pattern": {},
    "use_dora": False,
    "megatron_core": "megatron.core",
}


def write_safetensors(file: Path, shapes: Mapping[str, tuple[int, ...]], fill: int = 0) -> None:
    """bfloat16 tensors whose every byte is `fill`."""
    header, end = dict[str, Any](), 0
    for name, shape in shapes.items():
        start, count = end, 2
        for side in shape:
            count *= side
        end = start + count
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    written = json.dumps(header).encode()
    file.write_bytes(len(written).to_bytes(8, "little") + written + bytes([fill]) * end)


def a_base(folder: Path) -> Path:
    return _a_model(folder, fill=0)


def a_merged_model(folder: Path, fill: int = 1) -> Path:
    return _a_model(folder, fill)


def _a_model(folder: Path, fill: int) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "tokenizer.json").write_text("{}")
    write_safetensors(folder / "model.safetensors", BASE_SHAPES, fill)
    return folder


def an_adapter(folder: Path, fill: int = 1, **config: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps(ADAPTER_CONFIG | config))
    write_safetensors(folder / "adapter_model.safetensors", ADAPTER_SHAPES, fill)
    return folder


def certified() -> Calibration:
    """By which the model is 88 % likely to be right on every question, and half is enough."""
    none = (0.0,) * len(FEATURES)
    return Calibration(
        weights=none,
        means=none,
        scales=(1.0,) * len(FEATURES),
        intercept=2.0,
        target=0.05,
        level=0.95,
        questions=100,
        threshold=0.5,
    )


class Workshop:
    """Makes models in a folder and registers them, each with other weights than the last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0
        self.base = a_base(folder / "base")
        self.base_sha256 = weights_sha256(self.base)

    def candidate(self, **values: Any) -> ModelVersion:
        """A registered version for everybody that passed its gate, unless `values` say else."""
        self.made += 1
        taught, _ = Collection.objects.get_or_create(slug="taught", name="Taught")
        run = self.folder / f"run-{self.made}"
        given: dict[str, Any] = {
            "base": self.base,
            "base_sha256": self.base_sha256,
            "dataset_sha256": "d" * 64,
            "recipe": {"out": str(run)},
            "metrics": {"exact_match": 0.9},
            "readers": {taught.pk: ()},
            "coverage": {"a" * 64: (1, None)},
            "gate_passed": True,
            "smoke": False,
        }
        for name, make in (("adapter", an_adapter), ("merged", a_merged_model)):
            if name not in values:
                given[name] = make(run / name, fill=self.made)
        return registry.register(**given | values)
