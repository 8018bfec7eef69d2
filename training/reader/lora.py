"""Low-rank adapters (LoRA, Hu et al. 2021, arXiv:2106.09685) as plain tensors.

A linear layer's weight W (out, in) becomes W + scale · B A, with A (r, in) and B (out, r) and
scale = alpha / r. Names are PEFT's, so that its adapters and ours are the same files.
"""

import torch

PREFIX = "base_model.model."
A_SUFFIX, B_SUFFIX = ".lora_A.weight", ".lora_B.weight"


def merge(
    base: dict[str, torch.Tensor], adapter: dict[str, torch.Tensor], *, scale: float
) -> dict[str, torch.Tensor]:
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
