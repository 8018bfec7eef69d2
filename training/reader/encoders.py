"""What the reranker and the model of paraphrases have in common, each an adapter of an encoder."""

import json
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model_state_dict

from training.trainers.learner import write_adapter
from training.trainers.peft import best_dtype


def in_half_precision(*, wanted: bool = True) -> torch.autocast:
    """Multiplies in bfloat16 if that is `wanted`, and the processor does; where it does not, that
    takes twenty times as long."""
    is_quick = best_dtype(torch.device("cpu")) is torch.bfloat16
    return torch.autocast("cpu", torch.bfloat16, enabled=wanted and is_quick)


def save_adapter(encoder: Any, lora: LoraConfig, folder: Path, *, base: str) -> None:
    """Write the adapter of an encoder in PEFT's form; `base` is the name of what it adapts."""
    description = {
        "peft_type": "LORA",
        "base_model_name_or_path": base,
        "r": lora.r,
        "lora_alpha": lora.lora_alpha,
        "target_modules": sorted(lora.target_modules or ()),
        "layers_to_transform": lora.layers_to_transform,
    }
    tensors = get_peft_model_state_dict(encoder)
    write_adapter(folder, tensors, json.dumps(description, indent=1) + "\n")
