"""A chat model in a folder, the thread that computes it, and those who wait for its answers.

What a question stands behind are always the same words, which are read once. Requests that come
together are answered together; one that comes later begins at the next step and not at their end.
"""

import ctypes
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from router.decoding import Beginning, Decoding, Written, encode_prompt, read_beginning, shared
from router.prompts import Passage, reader_messages, tuned_messages

logger = logging.getLogger(__name__)

# Requests that are begun in one step, as more take longer than they wait for each other; and that
# are answered at the same time.
TOGETHER, MOST_UNDER_WAY = 8, 32
# Of prompts under way and their answers, with what fills them up to the longest of a batch. That
# bounds the memory for keys and values, which are 23 kB a token of the embedded model.
MOST_TOKENS_UNDER_WAY = 16_384
# Of a prompt and its answer, and of what is predicted: a wrong prediction costs a step of so many.
MAX_TOKENS, MAX_PREDICTED = 8_192, 32
# Two prompts of each kind, which begin with the words that all of it begin with.
_PROMPTS = (
    [tuned_messages(text) for text in ("How?", "Where?")],
    [reader_messages(text, [Passage(text, "", text)]) for text in ("How?", "Where?")],
)


@dataclass(slots=True, eq=False)
class Turn:
    """One answer to be written. `tell` gets its tokens as they come, from the model's thread, and
    None if the model fails; an asker who has `left` gets none."""

    prompt: list[int]
    predicted: list[list[int]]
    limit: int
    tell: Callable[[Written | None], object]
    with_logprobs: bool = False
    left: bool = False
    written: int = 0

    @property
    def room(self) -> int:
        """The tokens that it may take."""
        return len(self.prompt) + self.limit


@dataclass(slots=True, eq=False)
class _Group:
    """Turns that were begun together, by their row."""

    turns: Sequence[Turn]
    decoding: Decoding

    def step(self) -> None:
        for row, written in self.decoding.step().items():
            turn = self.turns[row]
            told = written.first(turn.limit - turn.written)
            turn.written += len(told.tokens)
            turn.tell(told)
        self.decoding.keep([row for row in self.decoding.rows if not self._is_over(row)])

    @property
    def room(self) -> int:
        """The tokens that it takes: each row is as long as the longest of those it began with."""
        return len(self.decoding.rows) * max(turn.room for turn in self.turns)

    def _is_over(self, row: int) -> bool:
        return self.turns[row].left or self.turns[row].written >= self.turns[row].limit


class Waiting:
    """Those who wait for their answer, in the order in which they came."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Turn] = queue.SimpleQueue()
        # The next one, for which there was no room.
        self._held: Turn | None = None

    def put(self, turn: Turn) -> None:
        self._queue.put(turn)

    def taken(self, under_way: int, room: int) -> list[Turn]:
        """As many as there is room for beside so many that are under way and take so many tokens;
        where none is, at least one, which is awaited. Rows of a batch are as long as its longest,
        so that long ones are taken with few beside them."""
        turns: list[Turn] = []
        longest = 0
        while len(turns) < min(TOGETHER, MOST_UNDER_WAY - under_way):
            is_first = not under_way and not turns
            turn = self._next(awaited=is_first)
            if turn is None:
                break
            longest = max(longest, turn.room)
            if not is_first and room + longest * (len(turns) + 1) > MOST_TOKENS_UNDER_WAY:
                self._held = turn
                break
            turns.append(turn)
        return turns

    def _next(self, *, awaited: bool) -> Turn | None:
        if held := self._held:
            self._held = None
            return held
        try:
            return self._queue.get(block=awaited)
        except queue.Empty:
            return None


class ChatModel:
    """A model in a folder, and the thread that computes it."""

    def __init__(self, folder: Path, dtype: str) -> None:
        self.name = folder.name
        self.failed = False
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True
        )
        if dtype == "float32":
            _lay_out(self._model)
        self._beginnings = [*map(self._read_beginning, _PROMPTS), read_beginning(self._model, ())]
        _give_back_freed_memory()
        self._waiting = Waiting()
        threading.Thread(target=self._work, name="model", daemon=True).start()

    @property
    def end(self) -> int:
        """The token that ends a turn."""
        return int(self._tokenizer.eos_token_id)

    def prompt_of(self, messages: Sequence[dict[str, str]]) -> list[int]:
        return encode_prompt(messages, self._tokenizer)

    def predicted(self, text: str) -> list[int]:
        """The tokens of a whole answer that says this."""
        tokens = self._tokenizer.encode(text, add_special_tokens=False)
        return [*tokens, self.end][:MAX_PREDICTED] if tokens else []

    def text_of(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))

    def write(self, turn: Turn) -> None:
        """Have an answer written, from the next step on."""
        self._waiting.put(turn)

    def _read_beginning(self, prompts: Sequence[Sequence[dict[str, str]]]) -> Beginning:
        return read_beginning(self._model, shared(list(map(self.prompt_of, prompts))))

    def _work(self) -> None:
        groups: list[_Group] = []
        taken: list[Turn] = []
        try:
            while True:
                rows = sum(len(group.decoding.rows) for group in groups)
                taken = self._waiting.taken(rows, sum(group.room for group in groups))
                groups += self._begun(taken)
                for group in groups:
                    group.step()
                groups = [group for group in groups if group.decoding.rows]
        except Exception:
            logger.exception("%s cannot be computed any more.", self.name)
            self.failed = True
            for turn in [*taken, *(turn for group in groups for turn in group.turns)]:
                turn.tell(None)
            while True:
                for turn in self._waiting.taken(0, 0):
                    turn.tell(None)

    def _begun(self, turns: Sequence[Turn]) -> list[_Group]:
        by_beginning: dict[int, list[Turn]] = {}
        for turn in turns:
            fitting = (n for n, one in enumerate(self._beginnings) if one.is_of(turn.prompt))
            by_beginning.setdefault(next(fitting), []).append(turn)
        return [
            _Group(some, self._decoding(some, self._beginnings[number]))
            for number, some in by_beginning.items()
        ]

    def _decoding(self, turns: Sequence[Turn], beginning: Beginning) -> Decoding:
        own = [turn.prompt[len(beginning.tokens) :] for turn in turns]
        predicted = [[one[: turn.limit] for one in turn.predicted] for turn in turns]
        with_logprobs = any(turn.with_logprobs for turn in turns)
        return Decoding(
            self._model, beginning, own, self.end, predicted, with_logprobs=with_logprobs
        )


def _lay_out(model: torch.nn.Module) -> None:
    """Lay weights down column by column: MKL multiplies a score of rows by them in a third of the
    time that it takes for as many by rows of weights, which it copies first."""
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            module.weight.data = module.weight.data.t().contiguous().t()


def _give_back_freed_memory() -> None:
    """Of 135M parameters that is 0.4 GB, which were needed to load them."""
    allocator = ctypes.CDLL(None)
    # Other libraries of C do it by themselves.
    if hasattr(allocator, "malloc_trim"):
        allocator.malloc_trim(0)
