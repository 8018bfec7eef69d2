"""Many questions on the same passages as one sequence, read once.

The prompts of an exercise agree up to the question. That common prefix is laid down once and each
question with its answer is a branch behind it, which sees the prefix and itself:

    prefix  branch 1  branch 2 …          positions: 0…P-1, P…, P…, …

With the mask and the positions below, each branch gives exactly the logits of its own full
sequence. Ten questions on 350 tokens of passages cost 650 tokens and not 3,800.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from router.prompts import reader_messages
from training.reader.data import Exercise


@dataclass(frozen=True, slots=True)
class Packed:
    """One sequence of length L with the branches of an exercise."""

    ids: Tensor  # (L,)
    positions: Tensor  # (L,)
    branch: Tensor  # (L,): 0 for the prefix, then 1, 2, …
    predicts: Tensor  # (T,): indices whose next token is an answer's, end of turn included
    targets: Tensor  # (T,): those tokens
    row: Tensor  # (T,): which question each belongs to, from 0

    def mask(self, dtype: torch.dtype) -> Tensor:
        """(1, 1, L, L), to be added to the attention scores."""
        length = len(self.ids)
        causal = torch.ones(length, length, dtype=torch.bool).tril()
        same = (self.branch[None, :] == 0) | (self.branch[None, :] == self.branch[:, None])
        blocked = torch.zeros(length, length, dtype=dtype)
        return blocked.masked_fill(~(causal & same), torch.finfo(dtype).min)[None, None]


def tokenise(
    exercise: Exercise, tokenizer: PreTrainedTokenizerBase
) -> list[tuple[list[int], list[int]]]:
    """Prompt and answer of each question, as the server would build and the model end them."""
    rows = []
    for question, answer in exercise.questions:
        prompt = tokenizer.apply_chat_template(
            reader_messages(question, exercise.passages),
            add_generation_prompt=True,
            return_dict=False,
        )
        target = tokenizer.encode(answer, add_special_tokens=False)
        rows.append((list(prompt), [*target, tokenizer.eos_token_id]))
    return rows


def pack(rows: Sequence[tuple[list[int], list[int]]]) -> Packed:
    """Lay out prompts and answers, at least one, around their common beginning."""
    prompts = [prompt for prompt, _ in rows]
    # A branch keeps at least one token of its prompt: the one that predicts its first answer token.
    shared = min(_common(prompts), min(map(len, prompts)) - 1)
    ids, positions, branch = list(prompts[0][:shared]), list(range(shared)), [0] * shared
    predicts: list[int] = []
    targets: list[int] = []
    row: list[int] = []
    for number, (prompt, answer) in enumerate(rows):
        own = prompt[shared:]
        first = len(ids) + len(own) - 1
        predicts += range(first, first + len(answer))
        targets += answer
        row += [number] * len(answer)
        tail = [*own, *answer[:-1]]
        ids += tail
        positions += range(shared, shared + len(tail))
        branch += [number + 1] * len(tail)
    tensors = [torch.tensor(x) for x in (ids, positions, branch, predicts, targets, row)]
    return Packed(*tensors)


def _common(sequences: Sequence[list[int]]) -> int:
    """Length of the beginning that all share."""
    length = 0
    for tokens in zip(*sequences, strict=False):
        if len(set(tokens)) > 1:
            break
        length += 1
    return length
