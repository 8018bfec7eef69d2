"""Base models in the form that everything here loads: a folder of safetensors, config, tokenizer.

Imports torch, so only a command that has something to convert imports this module.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import pre_tokenizers
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    LlamaConfig,
    LlamaForCausalLM,
)

from training.trainers.learner import DESCRIPTION, WEIGHTS

# How PEFT names its tensors.
_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


def convert_gguf(source: Path, target: Path) -> None:
    """Write the Llama model of a GGUF file, with its tokenizer and chat template, as bf16.

    The loaded model is tied to its file by its config and cannot be saved; a fresh one that
    takes over its weights can.
    """
    quantised = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
    )
    values = quantised.config.to_dict()
    for tied_to_file in ("quantization_config", "_name_or_path", "dtype"):
        values.pop(tied_to_file, None)
    model = LlamaForCausalLM(LlamaConfig(**values))
    model.load_state_dict(quantised.state_dict())
    model.bfloat16().save_pretrained(target)
    _convert_tokenizer(source, target, max_length=model.config.max_position_embeddings)


def _convert_tokenizer(source: Path, target: Path, *, max_length: int) -> None:
    """GGUF names its pre-tokenizer and the reader of it falls back to GPT-2's for a name that it
    does not know; SmolLM's first cuts out each digit, which changes the spaces before numbers."""
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    tokenizer.model_max_length = max_length
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.save_pretrained(target)


def merge_adapter(base: Path, adapter: Path, target: Path) -> None:
    """Write the model of `base` with the LoRA of `adapter` added to its weights, in their type."""
    _copy_but(target, base, "*.safetensors")
    _merge_weights(base, adapter, target)


def make_encoder(base: Path, adapter: Path, target: Path) -> None:
    """Write the encoder that `adapter` makes of `base`, in bfloat16, which is half as much to load
    and to keep.

    The folder of the adapter may hold what `sentence_transformers` puts behind it instead.
    """
    _copy_but(target, base, "*.safetensors")
    _copy_but(target, adapter, DESCRIPTION, WEIGHTS)
    _merge_weights(base, adapter, target, dtype=torch.bfloat16)


def _copy_but(target: Path, source: Path, *patterns: str) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*patterns), dirs_exist_ok=True)


def _merge_weights(
    base: Path, adapter: Path, target: Path, dtype: torch.dtype | None = None
) -> None:
    """In `dtype`; None: in that of `base`."""
    config = json.loads((adapter / DESCRIPTION).read_text())
    weights = merge(
        load_file(base / "model.safetensors"),
        load_file(adapter / WEIGHTS),
        scale=config["lora_alpha"] / config["r"],
    )
    typed = {
        name: tensor.to(dtype or tensor.dtype) if tensor.is_floating_point() else tensor
        for name, tensor in weights.items()
    }
    save_file(typed, target / "model.safetensors", metadata={"format": "pt"})


def merge(
    base: dict[str, Tensor], adapter: dict[str, Tensor], *, scale: float
) -> dict[str, Tensor]:
    """`base` with scale · B A added to each weight that `adapter` names, in the base's dtype.

    LoRA (Hu et al. 2021, arXiv:2106.09685): A is (r, in), B (out, r), scale = alpha / r. Raises
    KeyError for an adapter of another model.
    """
    merged = dict(base)
    for name in adapter:
        if not name.endswith(_A):
            continue
        layer = name.removesuffix(_A)
        weight = layer.removeprefix(_PREFIX) + ".weight"
        a, b = adapter[name].float(), adapter[layer + _B].float()
        merged[weight] = (base[weight].float() + scale * (b @ a)).to(base[weight].dtype)
    return merged
