"""The base model with a trainable adapter."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerBase

from training.reader import lora
from training.reader.packing import Packed

WEIGHTS, DESCRIPTION = "adapter_model.safetensors", "adapter_config.json"


class Reader:
    """The base model with its adapters, as the trainer and the evaluation use it."""

    def __init__(self, base: Path, *, rank: int, alpha: float, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
        # Plain attention: with a mask, PyTorch's fused kernel for CPUs is twice as slow.
        self.model = LlamaForCausalLM.from_pretrained(
            base, dtype=torch.bfloat16, attn_implementation="eager"
        )
        self.adapters = lora.inject(self.model, rank=rank, alpha=alpha)
        self.description: dict[str, Any] = {
            "base_model_name_or_path": base.name,
            "bias": "none",
            "lora_alpha": alpha,
            "lora_dropout": 0.0,
            "peft_type": "LORA",
            "r": rank,
            "target_modules": sorted(lora.TARGETS),
            "task_type": "CAUSAL_LM",
        }

    def parameters(self) -> list[nn.Parameter]:
        return [p for adapter in self.adapters.values() for p in (adapter.a, adapter.b)]

    def logits(self, packed: Packed) -> Tensor:
        """(T, vocabulary), in float32, at the answers' positions only."""
        hidden = self.model.model(
            input_ids=packed.ids[None],
            position_ids=packed.positions[None],
            attention_mask=packed.mask(self.model.dtype),
            use_cache=False,
        ).last_hidden_state[0]
        logits: Tensor = self.model.lm_head(hidden[packed.predicts]).float()
        return logits

    def save(self, folder: Path) -> None:
        """Write the adapter as PEFT does: a small configuration and bf16 safetensors."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = lora.state(self.adapters, torch.bfloat16)
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
        (folder / DESCRIPTION).write_text(json.dumps(self.description, indent=1) + "\n")

    def load(self, folder: Path) -> None:
        """Take over an adapter that `save` wrote."""
        lora.load(self.adapters, load_file(folder / WEIGHTS))
