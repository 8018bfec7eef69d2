"""Is a folder an adapter, or a merged model, that may be loaded? Pure but for reading files.

What a training leaves is data from another process: only safetensors and known settings are let
through, and only shapes that fit the base model. Nothing is unpickled, no code is loaded.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingestion.errors import UserError
from ingestion.storage import sha256_of

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
ADAPTER_FILES = frozenset({CONFIG, WEIGHTS})
MERGED_FILES = re.compile(
    r"(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|docportal)\.json"
    r"|chat_template\.jinja|model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json"
)
# A training library may leave its description beside the weights; it is not taken along.
LEFT_BEHIND = frozenset({"README.md"})
MAX_RANK = 256

_MAX_HEADER_BYTES = 64 << 20
_TENSOR = re.compile(r"base_model\.model\.(?P<layer>[\w.]+)\.lora_(?P<side>[AB])\.weight")
_NUMBER = re.compile(r"\.layers\.(\d+)\.")
_LAYERS = frozenset({"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"})
_DTYPES = frozenset({"F32", "F16", "BF16"})
# Settings that describe and change nothing of what is computed.
_DESCRIPTIVE = frozenset(
    {
        *("base_model_name_or_path", "inference_mode", "init_lora_weights", "lora_dropout"),
        *("megatron_core", "peft_version", "qalora_group_size", "revision"),
    }
)

Shapes = dict[str, tuple[int, ...]]


def weights_sha256(model: Path) -> str:
    """What names a base model: sha256 over the names and hashes of its safetensors."""
    lines = [f"{file.name} {sha256_of(file)}\n" for file in sorted(model.glob("*.safetensors"))]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def check_adapter(adapter: Path, base: Path) -> None:
    """Raises `UserError` (`bad-adapter`) unless it is a LoRA of the linear layers of `base`."""
    config = _read_json(adapter / CONFIG)
    rank = _check_config(config)
    layers: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in read_shapes(adapter / WEIGHTS).items():
        found = _TENSOR.fullmatch(name)
        if not found or found["layer"].rpartition(".")[2] not in _LAYERS:
            raise _bad(adapter, f"{name} is not a tensor of a LoRA")
        layers.setdefault(found["layer"], {})[found["side"]] = shape
    if not layers:
        raise _bad(adapter, "it holds no tensors")
    numbers = {int(found[1]) for layer in layers if (found := _NUMBER.search(layer))}
    if config.get("layers_to_transform") not in (None, sorted(numbers)):
        raise _bad(adapter, "its layers are others than its layers_to_transform")
    weights = _shapes_of_model(base)
    for layer, sides in layers.items():
        outputs, inputs = weights.get(f"{layer}.weight", (0, 0))
        if sides != {"A": (rank, inputs), "B": (outputs, rank)}:
            raise _bad(adapter, f"{layer} does not fit a LoRA of rank {rank} of {base.name}")


def check_merged(merged: Path, base: Path) -> None:
    """Raises `UserError` (`bad-adapter`) unless it is a Llama with the very tensors of `base`."""
    config = _read_json(merged / "config.json")
    if config.get("model_type") != "llama" or "auto_map" in config:
        raise _bad(merged, "its config.json does not describe a plain Llama")
    if _shapes_of_model(merged) != _shapes_of_model(base):
        raise _bad(merged, f"its tensors are not those of {base.name}")


def _check_config(config: Mapping[str, Any]) -> int:
    """The rank. Whatever is not known here has to be switched off."""
    rank = config["r"] if isinstance(config.get("r"), int) else 0
    alpha, targets = config.get("lora_alpha"), config.get("target_modules")
    wrong = [
        *(["r"] if not 1 <= rank <= MAX_RANK else []),
        *(["lora_alpha"] if not isinstance(alpha, int | float) or not alpha > 0 else []),
        *(["target_modules"] if not isinstance(targets, list) or set(targets) - _LAYERS else []),
        *(["peft_type"] if config.get("peft_type") != "LORA" else []),
        *(["task_type"] if config.get("task_type") != "CAUSAL_LM" else []),
        *(["bias"] if config.get("bias", "none") != "none" else []),
    ]
    known = {
        *("r", "lora_alpha", "target_modules", "layers_to_transform"),
        *("peft_type", "task_type", "bias", *_DESCRIPTIVE),
    }
    wrong += [name for name, value in config.items() if name not in known and value]
    if wrong:
        raise UserError(
            "bad-adapter",
            f"{CONFIG} asks for something that is not allowed: {', '.join(sorted(wrong))}. "
            "Train a plain LoRA of linear layers.",
        )
    return rank


def _shapes_of_model(model: Path) -> Shapes:
    shapes: Shapes = {}
    for file in model.glob("*.safetensors"):
        shapes |= read_shapes(file)
    return shapes


def read_shapes(file: Path) -> Shapes:
    """Names and shapes of a safetensors file, from its header alone. Raises `UserError`.

    Eight bytes of length, little-endian, then JSON, then the data, which must be as long as it
    says (https://github.com/huggingface/safetensors, "Format").
    """
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header: Any = json.loads(opened.read(length)) if length <= _MAX_HEADER_BYTES else None
        tensors = {name: value for name, value in header.items() if name != "__metadata__"}
        end = max((value["data_offsets"][1] for value in tensors.values()), default=0)
        whole = file.stat().st_size == 8 + length + end
        known = all(value["dtype"] in _DTYPES for value in tensors.values())
        shapes = {name: tuple(value["shape"]) for name, value in tensors.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError, IndexError) as error:
        raise _bad(file, "it is not a safetensors file") from error
    if not whole or not known:
        raise _bad(file, "it is damaged, or not in float32, float16 or bfloat16")
    return shapes


def _read_json(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise _bad(file, "it cannot be read as JSON") from error
    if not isinstance(read, dict):
        raise _bad(file, "it is not a JSON object")
    return read


def _bad(path: Path, why: str) -> UserError:
    return UserError("bad-adapter", f"{path} cannot be used: {why}. Train the model again.")
