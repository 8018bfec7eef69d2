"""Rows as token sequences that waste nothing: what their prompts share is read once.

Prompts of one group agree up to the question. That common beginning is laid down once and each
row is a branch behind it, which sees the beginning and itself:

    prefix  branch 1  branch 2 …          positions: 0…P-1, P…, P…, …

With the mask and the positions below, each branch gives exactly the logits of its own full
sequence, and no place is padding. Ten questions on 350 tokens of passages cost 650 tokens and
not 3,800; thirty questions without passages share their system prompt.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from router.decoding import encode_prompt
from training.rows import Row


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A row in tokens: the prompt as the server would build it, the answer with its end of turn.

    Two rows are two, whatever they say.
    """

    prompt: "array[int]"
    answer: "array[int]"
    group: str = ""

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True, slots=True)
class Packed:
    """One sequence of length L with all its branches: the first `shared` places are common, then
    each branch has as many as `lengths` says."""

    shared: int
    lengths: list[int]
    ids: Tensor  # (L,)
    positions: Tensor  # (L,)
    branch: Tensor  # (L,): 0 for the prefix, then 1, 2, …
    predicts: Tensor  # (T,): indices whose next token is an answer's, end of turn included
    targets: Tensor  # (T,): those tokens
    row: Tensor  # (T,): which row each belongs to, from 0

    def mask(self, dtype: torch.dtype) -> Tensor:
        """(1, 1, L, L), to be added to the attention scores."""
        length = len(self.ids)
        causal = torch.ones(length, length, dtype=torch.bool, device=self.ids.device).tril()
        same = (self.branch[None, :] == 0) | (self.branch[None, :] == self.branch[:, None])
        blocked = torch.zeros(length, length, dtype=dtype, device=self.ids.device)
        return blocked.masked_fill(~(causal & same), torch.finfo(dtype).min)[None, None]

    def to(self, device: torch.device) -> "Packed":
        tensors = (self.ids, self.positions, self.branch, self.predicts, self.targets, self.row)
        return Packed(self.shared, self.lengths, *(tensor.to(device) for tensor in tensors))


def encode(row: Row, tokenizer: PreTrainedTokenizerBase) -> Encoded:
    """By the model's own chat template, so that one beginning-of-text is there and not two."""
    answer = tokenizer.encode(row.answer, add_special_tokens=False)
    return Encoded(
        prompt=array("i", encode_prompt(row.messages, tokenizer)),
        answer=array("i", [*answer, tokenizer.eos_token_id]),
        group=row.group,
    )


def pack(rows: Sequence[Encoded]) -> Packed:
    """Lay out prompts and answers, at least one, around their common beginning."""
    prompts = [row.prompt for row in rows]
    # A branch keeps at least one token of its prompt: the one that predicts its first answer token.
    shared = min(_common(prompts), min(map(len, prompts)) - 1)
    ids, positions, branch = list(prompts[0][:shared]), list(range(shared)), [0] * shared
    predicts: list[int] = []
    targets: list[int] = []
    owner: list[int] = []
    for number, encoded in enumerate(rows):
        own = encoded.prompt[shared:]
        first = len(ids) + len(own) - 1
        predicts += range(first, first + len(encoded.answer))
        targets += encoded.answer
        owner += [number] * len(encoded.answer)
        tail = [*own, *encoded.answer[:-1]]
        ids += tail
        positions += range(shared, shared + len(tail))
        branch += [number + 1] * len(tail)
    tensors = (torch.tensor(x) for x in (ids, positions, branch, predicts, targets, owner))
    lengths = [len(row.prompt) - shared + len(row.answer) - 1 for row in rows]
    return Packed(shared, lengths, *tensors)


def _common(sequences: Sequence[Sequence[int]]) -> int:
    """Length of the beginning that all share."""
    length = 0
    for tokens in zip(*sequences, strict=False):
        if len(set(tokens)) > 1:
            break
        length += 1
    return length
