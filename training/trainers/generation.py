"""Greedy answers, many prompts at once. What all of them begin with is read once."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

Prompts = Sequence[Sequence[int]]

# Prompt tokens that a batch reads, padding included. More are no faster on a CPU: 8,000 took as
# long at 135M parameters, and 1.3 GB instead of 1.2.
BATCH_TOKENS = 4_000
# The place of a row whose logits are wanted. Told by a number it would be a slice, and PyTorch
# multiplies a slice by a copy of the vocabulary's matrix for each row.
LAST = torch.tensor([-1])


@dataclass(frozen=True, slots=True)
class Generated:
    place: int  # of the prompt
    text: str
    tokens: int  # written, end of turn included


@dataclass(frozen=True, slots=True)
class Beginning:
    """The tokens that all prompts begin with: how many, and what the model made of them."""

    length: int
    cache: Cache


def generate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: Prompts, *, max_tokens: int
) -> Iterator[list[Generated]]:
    """A list for each batch. A single prompt is read whole, as a server would read it."""
    beginning = _read_beginning(model, prompts)
    lengths = [len(prompt) - beginning.length for prompt in prompts]
    for places in batches(lengths):
        own = [prompts[place][beginning.length :] for place in places]
        written = _write(model, own, beginning, tokenizer.eos_token_id, max_tokens)
        texts = tokenizer.batch_decode(written, skip_special_tokens=True)
        yield [
            Generated(place, text.strip(), len(tokens))
            for place, text, tokens in zip(places, texts, written, strict=True)
        ]


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of prompts, those of like length together, so that little is padding."""
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    while order:
        places: list[int] = []
        while (order and (len(places) + 1) * lengths[order[0]] <= BATCH_TOKENS) or not places:
            places.append(order.pop(0))
        yield places


def padded(prompts: Prompts, padding: int) -> tuple[Tensor, Tensor]:
    """Ids and what of them is to be seen, each (B, W): padding on the left, where it is 0."""
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), padding)
    seen = torch.zeros(len(prompts), width, dtype=torch.long)
    for line, prompt in enumerate(prompts):
        ids[line, width - len(prompt) :] = torch.tensor(prompt)
        seen[line, width - len(prompt) :] = 1
    return ids, seen


@torch.no_grad()
def _read_beginning(model: PreTrainedModel, prompts: Prompts) -> Beginning:
    """Every prompt keeps a token of its own, from which its answer begins."""
    cache = DynamicCache(config=model.config)
    length = _shared(prompts) if len(prompts) > 1 else 0
    if length:
        ids = torch.tensor([list(prompts[0][:length])], device=model.device)
        model(input_ids=ids, cache=cache, use_cache=True, logits_to_keep=LAST)
    return Beginning(length, cache)


def _shared(prompts: Prompts) -> int:
    lowest, highest = min(map(list, prompts)), max(map(list, prompts))
    most = min(map(len, prompts)) - 1
    pairs = enumerate(zip(lowest[:most], highest[:most], strict=True))
    return next((place for place, (one, other) in pairs if one != other), most)


@torch.no_grad()
def _write(
    model: PreTrainedModel, own: Prompts, beginning: Beginning, end: int, max_tokens: int
) -> list[list[int]]:
    """The tokens of each answer. A row that has ended is no longer computed."""
    ids, seen = (each.to(model.device) for each in padded(own, end))
    seen = torch.cat([seen.new_ones(len(own), beginning.length), seen], dim=1)
    # Padding stands between the beginning and a row's own tokens, and takes no position.
    positions = (seen.cumsum(1) - 1).clamp(min=0)[:, beginning.length :]
    cache = deepcopy(beginning.cache)
    cache.batch_repeat_interleave(len(own))
    written: list[list[int]] = [[] for _ in own]
    rows = torch.arange(len(own), device=model.device)
    for _ in range(max_tokens):
        ids = _next(model, ids, seen, positions, cache)
        for row, token in zip(rows.tolist(), ids[:, 0].tolist(), strict=True):
            written[row].append(token)
        going = (ids[:, 0] != end).nonzero()[:, 0]
        if not len(going):
            break
        if len(going) < len(rows):
            cache.batch_select_indices(going)
            rows, ids, seen, positions = (each[going] for each in (rows, ids, seen, positions))
        seen = torch.cat([seen, seen.new_ones(len(seen), 1)], dim=1)
        positions = positions[:, -1:] + 1
    return written


def _next(
    model: PreTrainedModel, ids: Tensor, seen: Tensor, positions: Tensor, cache: Cache
) -> Tensor:
    """(B, 1): the likeliest token after `ids` (B, W), which join the cache."""
    logits = model(
        input_ids=ids,
        attention_mask=seen,
        position_ids=positions,
        cache=cache,
        use_cache=True,
        logits_to_keep=LAST,
    ).logits
    following: Tensor = logits[:, -1].argmax(-1, keepdim=True)
    return following
