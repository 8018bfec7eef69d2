"""Attention over a packed sequence, branch by branch.

A branch sees the common beginning and itself. Written as a mask over the whole sequence, that is
almost all blocked: of a thousand places with thirty branches, a branch's place sees eighty. Here
the branches are laid side by side for the attention alone, so nothing is computed to be blocked.
"""

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME: Final = "branches"


@dataclass(frozen=True, slots=True)
class Branches:
    """Of a sequence whose first `prefix` places are common: B branches of at most T places.

    `places` (B, T) says where each branch stands in the sequence, its last place again where it
    has fewer; `back` says which of the B·T places each behind the beginning came from; `hidden`
    (B, 1, T, T) is added to the scores of a branch with itself.
    """

    prefix: int
    places: Tensor
    back: Tensor
    hidden: Tensor


def lay_out(prefix: int, lengths: list[int], dtype: torch.dtype, device: torch.device) -> Branches:
    """Of the branches behind a beginning of `prefix` places, in order, each at least 1 long."""
    longest = max(lengths)
    ends = torch.tensor(lengths, device=device).cumsum(0) + prefix
    starts = ends - torch.tensor(lengths, device=device)
    steps = torch.arange(longest, device=device)
    places = torch.minimum(starts[:, None] + steps, ends[:, None] - 1)
    is_real = starts[:, None] + steps < ends[:, None]
    future = torch.ones(longest, longest, dtype=torch.bool, device=device).triu(1)
    hidden = torch.zeros(longest, longest, dtype=dtype, device=device)
    return Branches(
        prefix=prefix,
        places=places,
        back=is_real.flatten().nonzero()[:, 0],
        # What stands behind a branch's end is in the future of all its places.
        hidden=hidden.masked_fill(future, torch.finfo(dtype).min),
    )


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    branches: Branches | None = None,
    scaling: float | None = None,
    **more: Any,
) -> tuple[Tensor, Tensor | None]:
    """(1, heads, L, d) each to (1, L, heads, d); without branches, as PyTorch does it."""
    if branches is None:
        attended: tuple[Tensor, Tensor | None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **more
        )
        return attended
    copies = query.shape[1] // key.shape[1]
    key, value = repeat_kv(key, copies), repeat_kv(value, copies)
    first = branches.prefix
    beginning = functional.scaled_dot_product_attention(
        query[:, :, :first], key[:, :, :first], value[:, :, :first], is_causal=True, scale=scaling
    )[0]
    behind = _behind(query[0], key[0], value[0], branches, scaling or query.shape[-1] ** -0.5)
    return torch.cat([beginning, behind], dim=1).transpose(0, 1)[None], None


def _behind(
    query: Tensor, key: Tensor, value: Tensor, branches: Branches, scaling: float
) -> Tensor:
    """(heads, L - prefix, d) of the branches."""
    heads, _, width = query.shape
    first, (count, longest) = branches.prefix, branches.places.shape
    # `index_select`, whose gradient is an addition of rows and four times as fast as an index's.
    own = branches.places.flatten()
    flat, flat_key, flat_value = (each.index_select(1, own) for each in (query, key, value))
    shape = (heads, count, longest, width)
    own_query, own_key, own_value = (each.view(shape) for each in (flat, flat_key, flat_value))
    on_first = (flat @ key[:, :first].mT).reshape(heads, count, longest, first)
    on_own = own_query @ own_key.mT
    scores = torch.cat([on_first * scaling, on_own * scaling + branches.hidden], dim=-1)
    weights = functional.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    to_first = weights[..., :first].reshape(heads, count * longest, first)
    out = (to_first @ value[:, :first]).reshape(heads, count, longest, width)
    out = out + weights[..., first:] @ own_value
    return out.reshape(heads, count * longest, width).index_select(1, branches.back)


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
