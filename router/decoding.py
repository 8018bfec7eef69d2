"""Greedy answers of a language model, several at once. What is predicted rightly costs one step.

Each step of the plain way writes one token and reads all weights for it. Where an answer is likely
known beforehand, its tokens are read behind the prompt in the same step, and each that the model
would have written itself is taken, up to the first that it would not: speculative decoding
(Leviathan et al., 2023), whose draft comes from the caller and not from a smaller model. Where it
writes something else, another of the answers that it may give is predicted that begins with that.
At temperature 0 what is written is the same, whatever was predicted.
"""

from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

Prompts = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Beginning:
    """The tokens that several prompts begin with, and what the model made of them."""

    tokens: tuple[int, ...]
    cache: Cache

    def is_of(self, prompt: Sequence[int]) -> bool:
        """Whether a prompt begins with it and goes on."""
        own = len(self.tokens)
        return len(prompt) > own and tuple(prompt[:own]) == self.tokens


def encode_prompt(
    messages: Sequence[dict[str, str]], tokenizer: PreTrainedTokenizerBase
) -> list[int]:
    prompt = tokenizer.apply_chat_template(
        list(messages), add_generation_prompt=True, return_dict=False
    )
    return list(prompt)


@torch.no_grad()
def read_beginning(model: PreTrainedModel, tokens: Sequence[int]) -> Beginning:
    cache = DynamicCache(config=model.config)
    if tokens:
        ids = torch.tensor([list(tokens)], device=model.device)
        model(input_ids=ids, cache=cache, use_cache=True, logits_to_keep=_last(1))
    return Beginning(tuple(tokens), cache)


def shared(prompts: Prompts) -> Sequence[int]:
    """What all of them begin with; each keeps a token of its own, from which its answer begins."""
    lowest, highest = min(map(list, prompts)), max(map(list, prompts))
    most = min(map(len, prompts)) - 1
    pairs = enumerate(zip(lowest[:most], highest[:most], strict=True))
    return prompts[0][: next((place for place, (one, other) in pairs if one != other), most)]


@dataclass(frozen=True, slots=True)
class Written:
    """What an answer goes on with: tokens, and the natural logarithm of each one's probability,
    none unless these are wanted."""

    tokens: list[int]
    logprobs: list[float]

    def first(self, most: int) -> "Written":
        return Written(self.tokens[:most], self.logprobs[:most])


class Decoding:
    """The answers to a batch of prompts, written by `step`. An answer ends with the token `end`."""

    def __init__(
        self,
        model: PreTrainedModel,
        beginning: Beginning,
        own: Prompts,
        end: int,
        predicted: Sequence[Prompts] = (),
        *,
        with_logprobs: bool = False,
    ) -> None:
        """`own` are the prompts without their beginning, at least a token each; `predicted` are the
        answers that each may get, the likeliest first, with their ends."""
        self._model, self._end, self._with_logprobs = model, end, with_logprobs
        self._may_say = [[list(one) for one in every] for every in predicted] or [[] for _ in own]
        self._said: list[list[int]] = [[] for _ in own]
        self._predicted = list(map(_following, self._may_say, self._said))
        rows = [[*prompt, *likely] for prompt, likely in zip(own, self._predicted, strict=True)]
        self._ids, behind = (each.to(model.device) for each in padded(rows, end))
        before = behind.new_ones(len(rows), len(beginning.tokens))
        self._seen = torch.cat([before, behind], dim=1)
        self._cache = deepcopy(beginning.cache)
        self._cache.batch_repeat_interleave(len(rows))
        self.rows = list(range(len(rows)))

    @torch.no_grad()
    def step(self) -> dict[int, Written]:
        """What each answer that has not ended goes on with, one token or more, by its row.

        Those that end with it are under way no more.
        """
        # Of each row the token behind its prompt and behind each predicted one.
        most = max(map(len, self._predicted))
        logits = self._model(
            input_ids=self._ids,
            attention_mask=self._seen,
            position_ids=self._positions(),
            cache=self._cache,
            use_cache=True,
            logits_to_keep=_last(most + 1),
        ).logits
        following = logits.argmax(-1).tolist()
        sure = _logprobs(logits) if self._with_logprobs else [[] for _ in following]
        written = [
            _accepted(likely, tokens[most - len(likely) :], self._end)
            for likely, tokens in zip(self._predicted, following, strict=True)
        ]
        told = {
            row: Written(tokens, own[most - len(likely) :][: len(tokens)])
            for row, likely, tokens, own in zip(
                self.rows, self._predicted, written, sure, strict=True
            )
        }
        self._forget_rejected(written)
        self._go_on(written)
        self.keep([row for row, one in told.items() if one.tokens[-1] != self._end])
        return told

    @torch.no_grad()
    def keep(self, rows: Collection[int]) -> None:
        """Only these go on."""
        places = [place for place, row in enumerate(self.rows) if row in rows]
        if len(places) == len(self.rows):
            return
        self.rows = [self.rows[place] for place in places]
        self._may_say = [self._may_say[place] for place in places]
        self._said = [self._said[place] for place in places]
        self._predicted = [self._predicted[place] for place in places]
        index = torch.tensor(places, dtype=torch.long, device=self._ids.device)
        self._ids, self._seen = self._ids[index], self._seen[index]
        self._cache.batch_select_indices(index)

    def _positions(self) -> Tensor:
        """Of `_ids`. Padding and rejected tokens take none."""
        return (self._seen.cumsum(1) - 1).clamp(min=0)[:, -self._ids.shape[1] :]

    def _forget_rejected(self, written: Sequence[Sequence[int]]) -> None:
        """They stay in the cache, where nothing sees them."""
        for place, (likely, tokens) in enumerate(zip(self._predicted, written, strict=True)):
            rejected = len(likely) - (len(tokens) - 1)
            if rejected > 0:
                self._seen[place, -rejected:] = 0

    def _go_on(self, written: Prompts) -> None:
        self._said = [[*said, *tokens] for said, tokens in zip(self._said, written, strict=True)]
        self._predicted = list(map(_following, self._may_say, self._said))
        last = (said[-1] for said in self._said)
        rows = [[own, *likely] for own, likely in zip(last, self._predicted, strict=True)]
        self._ids, behind = (each.to(self._ids.device) for each in padded(rows, self._end))
        self._seen = torch.cat([self._seen, behind], dim=1)


def _following(may_say: Sequence[list[int]], said: list[int]) -> list[int]:
    """What of the first answer that begins with what is said, and goes on, stands behind it."""
    begun = (one for one in may_say if one[: len(said)] == said != one)
    return next((one[len(said) :] for one in begun), [])


def padded(prompts: Prompts, padding: int) -> tuple[Tensor, Tensor]:
    """Ids and what of them is to be seen, each (B, W): padding on the left, where it is 0."""
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), padding)
    seen = torch.zeros(len(prompts), width, dtype=torch.long)
    for line, prompt in enumerate(prompts):
        ids[line, width - len(prompt) :] = torch.tensor(prompt)
        seen[line, width - len(prompt) :] = 1
    return ids, seen


def _accepted(likely: Sequence[int], following: Sequence[int], end: int) -> list[int]:
    """The tokens that the model writes: those predicted that it follows with itself, and its next.

    `following` are its own behind the prompt and behind each predicted one, one more than `likely`.
    """
    right = 0
    while right < len(likely) and likely[right] == following[right] != end:
        right += 1
    return list(following[: right + 1])


def _logprobs(logits: Tensor) -> list[list[float]]:
    """Of the likeliest token at each place."""
    exact = logits.float()
    found: list[list[float]] = (exact.amax(-1) - exact.logsumexp(-1)).tolist()
    return found


def _last(count: int) -> Tensor:
    """The places of a row whose logits are wanted. Told by a number they would be a slice, and
    PyTorch multiplies a slice by a copy of the vocabulary's matrix for each row."""
    return torch.arange(-count, 0)
