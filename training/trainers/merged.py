"""LoRA layers that compute with W + s·B·A in one multiplication, and learn A and B.

PEFT multiplies by W and by A and B beside it, casts in between and adds up: seven passes over the
activations where one will do. Here the sum is made once for each state of A and B, in the model's
own precision. So what is trained is what a merged model will say, rounding included. The gradients
(Hu et al. 2021, arXiv:2106.09685, with y = x·(W + s·B·A)ᵀ and g = dL/dy):

    dL/dx = g·(W + s·B·A)    dL/dA = s·(g·B)ᵀ·x    dL/dB = s·gᵀ·(x·Aᵀ)
"""

from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional


def compute_merged(model: nn.Module) -> None:
    """Have all LoRA layers of a PEFT model, each with one adapter, compute this way. In place."""
    for module in model.modules():
        if isinstance(module, Linear):
            module.__class__ = MergedLinear


def bring_up_to_date(model: nn.Module) -> None:
    """Make the sums before several threads ask for them, each for itself."""
    for module in model.modules():
        if isinstance(module, MergedLinear):
            module.weight_now()


class MergedLinear(Linear):  # type: ignore[misc]  # Read without types: see pyproject.toml.
    """A LoRA layer of PEFT, with its parameters and their names, that computes merged."""

    _of: tuple[int, int] | None = None
    _weight: Tensor

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        low, high, scale = self._parts()
        said: Tensor = _Merged.apply(x, self.weight_now(), low, high, scale)  # type: ignore[no-untyped-call]
        return said

    def _parts(self) -> tuple[Tensor, Tensor, float]:
        (name,) = self.active_adapters
        low: Any = self.lora_A[name].weight
        high: Any = self.lora_B[name].weight
        return low, high, self.scaling[name]

    def weight_now(self) -> Tensor:
        """Made anew whenever one of both was written to, by an optimizer or from a checkpoint."""
        low, high, scale = self._parts()
        state = (low._version, high._version)  # noqa: SLF001  It has no other name.
        if state != self._of:
            base: Any = self.get_base_layer().weight
            with torch.no_grad():
                self._weight = torch.addmm(base.float(), high, low, alpha=scale).to(base.dtype)
            self._of = state
        return self._weight


class _Merged(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, low: Tensor, high: Tensor, scale: float
    ) -> Tensor:
        ctx.save_for_backward(x, weight, low, high)
        ctx.scale = scale
        return functional.linear(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor, Tensor, None]:
        x, weight, low, high = ctx.saved_tensors
        flat, out = x.flatten(0, -2), grad.flatten(0, -2)
        narrow = out @ high.to(out.dtype)
        grad_low = (narrow.T @ flat).to(low.dtype).mul_(ctx.scale)
        grad_high = (out.T @ (flat @ low.to(flat.dtype).T)).to(high.dtype).mul_(ctx.scale)
        return grad @ weight, None, grad_low, grad_high, None
