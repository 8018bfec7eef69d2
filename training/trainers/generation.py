"""Greedy answers, many prompts at once. What all of them begin with is read once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from router.decoding import Beginning, Decoding, Prompts, read_beginning, shared

# Prompt tokens that a batch reads, padding included. More are no faster on a CPU: 8,000 took as
# long at 135M parameters, and 1.3 GB instead of 1.2.
BATCH_TOKENS = 4_000


@dataclass(frozen=True, slots=True)
class Generated:
    place: int  # of the prompt
    text: str
    tokens: int  # written, end of turn included


def generate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: Prompts, *, max_tokens: int
) -> Iterator[list[Generated]]:
    """A list for each batch. A single prompt is read whole."""
    beginning = read_beginning(model, shared(prompts) if len(prompts) > 1 else ())
    length = len(beginning.tokens)
    for places in batches([len(prompt) - length for prompt in prompts]):
        own = [prompts[place][length:] for place in places]
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


def _write(
    model: PreTrainedModel, own: Prompts, beginning: Beginning, end: int, max_tokens: int
) -> list[list[int]]:
    """The tokens of each answer."""
    decoding = Decoding(model, beginning, own, end)
    written: list[list[int]] = [[] for _ in own]
    for _ in range(max_tokens):
        for row, more in decoding.step().items():
            written[row] += more.tokens
        if not decoding.rows:
            break
    return written
