"""Low-rank adapters (LoRA, Hu et al. 2021, arXiv:2106.09685) with the mathematics in sight.

A linear layer's weight W (out, in) becomes W + scale · B A, with A (r, in) and B (out, r) and
scale = alpha / r. Names of tensors are PEFT's, so that its adapters and ours are the same files.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

PREFIX = "base_model.model."
A_SUFFIX, B_SUFFIX = ".lora_A.weight", ".lora_B.weight"
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class LoraLinear(nn.Module):
    """A frozen linear layer and its adapter. A and B are kept in float32, used in W's dtype."""

    def __init__(self, base: nn.Linear, *, rank: int, alpha: float) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.scale = alpha / rank
        self.a = nn.Parameter(torch.empty(rank, base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.linear(x, self.a.to(x.dtype))
        added: Tensor = functional.linear(inner, self.b.to(x.dtype))
        given: Tensor = self.base(x)
        return given + self.scale * added


def inject(model: nn.Module, *, rank: int, alpha: float) -> dict[str, LoraLinear]:
    """Put an adapter on every linear layer in `TARGETS` and freeze the rest. By PEFT's names."""
    model.requires_grad_(False)
    found = [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and name.rsplit(".", 1)[-1] in TARGETS
    ]
    adapters = {}
    for name, layer in found:
        parent, _, attribute = name.rpartition(".")
        adapter = LoraLinear(layer, rank=rank, alpha=alpha)
        setattr(model.get_submodule(parent), attribute, adapter)
        adapters[PREFIX + name] = adapter
    return adapters


def state(adapters: dict[str, LoraLinear], dtype: torch.dtype) -> dict[str, Tensor]:
    """The adapters' tensors as an adapter file holds them."""
    tensors = {}
    for name, adapter in adapters.items():
        tensors[name + A_SUFFIX] = adapter.a.detach().to(dtype).contiguous()
        tensors[name + B_SUFFIX] = adapter.b.detach().to(dtype).contiguous()
    return tensors


def load(adapters: dict[str, LoraLinear], tensors: dict[str, Tensor]) -> None:
    """Take over what `state` gave."""
    with torch.no_grad():
        for name, adapter in adapters.items():
            adapter.a.copy_(tensors[name + A_SUFFIX])
            adapter.b.copy_(tensors[name + B_SUFFIX])


def merge(
    base: dict[str, Tensor], adapter: dict[str, Tensor], *, scale: float
) -> dict[str, Tensor]:
    """`base` with scale · B A added to each weight that `adapter` names, in the base's dtype.

    Raises KeyError for an adapter of another model.
    """
    merged = dict(base)
    for name in adapter:
        if not name.endswith(A_SUFFIX):
            continue
        layer = name.removesuffix(A_SUFFIX)
        weight = layer.removeprefix(PREFIX) + ".weight"
        a, b = adapter[name].float(), adapter[layer + B_SUFFIX].float()
        merged[weight] = (base[weight].float() + scale * (b @ a)).to(base[weight].dtype)
    return merged
