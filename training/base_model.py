"""The model that a training starts from: is it there, is it a Llama, how large is it. No torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.errors import UserError

ARCHITECTURE = "LlamaForCausalLM"
_FLOAT32_BYTES = 4
_TOKENIZERS = ("tokenizer.json", "tokenizer.model")


@dataclass(frozen=True, slots=True)
class BaseModel:
    """`sides` is the sum of inputs and outputs of all linear layers that an adapter changes."""

    folder: Path
    bytes: int
    parameters: int
    sides: int
    layers: int

    def adapter_bytes(self, rank: int) -> int:
        """Of a LoRA of all linear layers, in float32 as it is trained."""
        return rank * self.sides * _FLOAT32_BYTES


def read_base_model(folder: Path) -> BaseModel:
    """Raises `UserError`: `base-missing`, `base-not-llama`."""
    weights = sorted(folder.glob("*.safetensors"))
    try:
        config = json.loads((folder / "config.json").read_text())
    except FileNotFoundError:
        weights = []
    except ValueError as error:
        raise _not_llama(folder, "its config.json cannot be read") from error
    if not weights:
        raise UserError(
            "base-missing",
            f"There is no model in {folder}. Run `manage.py convert_models`, or set BASE_MODEL "
            "to the name of a folder in MODELS_DIR that holds config.json and safetensors.",
        )
    if not any((folder / name).exists() for name in _TOKENIZERS):
        raise UserError(
            "base-missing",
            f"The model in {folder} has no {_TOKENIZERS[0]}. Bring it from where the model came "
            "from, run `manage.py convert_models`, or set BASE_MODEL to another model.",
        )
    try:
        return _measured(folder, config, sum(file.stat().st_size for file in weights))
    except (KeyError, TypeError) as error:
        raise _not_llama(folder, f"its config.json lacks {error}") from error


def _measured(folder: Path, config: dict[str, Any], size: int) -> BaseModel:
    architectures = config["architectures"] or []
    if ARCHITECTURE not in architectures:
        raise _not_llama(folder, f"it is a {', '.join(architectures) or 'nothing'}")
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    heads = config["num_attention_heads"]
    head = config.get("head_dim") or hidden // heads
    own, shared = heads * head, config.get("num_key_value_heads", heads) * head
    layers = [
        *((hidden, own), (hidden, shared), (hidden, shared), (own, hidden)),
        *((hidden, inner), (hidden, inner), (inner, hidden)),
    ]
    count = config["num_hidden_layers"]
    embeddings = config["vocab_size"] * hidden * (1 if config.get("tie_word_embeddings") else 2)
    return BaseModel(
        folder=folder,
        bytes=size,
        parameters=embeddings + count * sum(a * b for a, b in layers),
        sides=count * sum(a + b for a, b in layers),
        layers=count,
    )


def _not_llama(folder: Path, why: str) -> UserError:
    return UserError(
        "base-not-llama",
        f"The model in {folder} cannot be trained: {why}. Set BASE_MODEL to a Llama.",
    )
