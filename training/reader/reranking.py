"""Teaches a copy of the embedding model to say which sentence answers a question, or one of
all-mpnet-base-v2, which is better at it, takes five times as long, and reads the likeliest again:

DJANGO_SETTINGS_MODULE=docportal.settings python -m training.reader.reranking --out FOLDER
    [--second]

It reads question and sentence together, which an embedding cannot. Each question comes with a few
sentences (`choosing`) and with "none of them", whose score is always 0: that is the right one for
questions which nothing answers.
"""

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import django
import torch
from django.conf import settings
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from training.packaged import MPNET, unpack_mpnet
from training.reader.choosing import Exercise, exercises
from training.reader.encoders import in_half_precision, save_adapter

QUESTIONS = 16  # of an update
WARM_UP, SEED = 40, 1
MAX_TOKENS = 64
# Pairs of similar length are read together, in so many parts.
PARTS = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """What learns, and how: the name of what it is made of, the highest learning rate, and the
    modules of its layers that an adapter changes."""

    base: str
    rate: float
    layers: range
    modules: tuple[str, ...]

    @property
    def lora(self) -> LoraConfig:
        return LoraConfig(
            r=16,
            lora_alpha=32,
            target_modules=list(self.modules),
            layers_to_transform=list(self.layers),
            layers_pattern="layer",
            exclude_modules="pooler.*",
        )


# The lowest layers tell words apart, which they can already.
FIRST = Reading(settings.EMBEDDINGS_MODEL, 1e-3, range(1, 6), ("query", "key", "value", "dense"))
SECOND = Reading(MPNET, 6e-4, range(4, 12), ("q", "k", "v", "o", "dense"))


class Reranker(nn.Module):
    """The mean of the last layer of the model in `folder`, and a line through it: (pairs,)
    scores."""

    def __init__(self, reading: Reading, folder: Path) -> None:
        super().__init__()
        self.reading = reading
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.encoder = get_peft_model(AutoModel.from_pretrained(folder), reading.lora)
        self.head = nn.Linear(self.encoder.config.hidden_size, 1)

    def forward(self, pairs: Sequence[tuple[str, str]]) -> Tensor:
        """Of questions and texts."""
        order = sorted(range(len(pairs)), key=lambda place: sum(map(len, pairs[place])))
        size = math.ceil(len(pairs) / PARTS)
        parts = [order[start : start + size] for start in range(0, len(pairs), size)]
        scores = torch.cat([self._read([pairs[place] for place in part]) for part in parts])
        return scores[torch.tensor(order).argsort()]

    def _read(self, pairs: Sequence[tuple[str, str]]) -> Tensor:
        read = self.tokenizer(
            [question for question, _ in pairs],
            [text for _, text in pairs],
            truncation="only_second",
            max_length=MAX_TOKENS,
            padding=True,
            return_tensors="pt",
        )
        mask = read["attention_mask"].unsqueeze(-1)
        with in_half_precision(wanted=self.training):
            hidden = self.encoder(**read).last_hidden_state
        mean = (hidden.float() * mask).sum(1) / mask.sum(1)
        scores: Tensor = self.head(mean).squeeze(-1)
        return scores

    def save(self, folder: Path) -> None:
        """The adapter in PEFT's form, and beside it the head as `sentence_transformers` reads
        it."""
        save_adapter(self.encoder, self.reading.lora, folder, base=self.reading.base)
        head = {f"linear.{name}": tensor for name, tensor in self.head.state_dict().items()}
        (folder / "2_Dense").mkdir(exist_ok=True)
        save_file(head, folder / "2_Dense" / "model.safetensors", metadata={"format": "pt"})


def loss_of(scores: Tensor, updates: Sequence[Exercise]) -> Tensor:
    """Mean cross-entropy of the right text among those of its question and "none of them".

    `scores` are those of all texts, one question after the other.
    """
    losses = []
    for made, own in zip(
        updates, torch.split(scores, [len(one.texts) for one in updates]), strict=True
    ):
        with_none = torch.cat([own, own.new_zeros(1)])
        losses.append(-with_none.log_softmax(0)[made.right])
    return torch.stack(losses).mean()


def train(model: Reranker, made: Sequence[Exercise], *, minutes: float) -> Iterator[float]:
    """Loss of each update; ends with the exercises or the minutes, whichever come first."""
    parameters = [one for one in model.parameters() if one.requires_grad]
    peak = model.reading.rate
    optimizer = torch.optim.AdamW(parameters, lr=peak)
    started = time.monotonic()
    for number, start in enumerate(range(0, len(made), QUESTIONS)):
        spent = max(start / len(made), (time.monotonic() - started) / 60 / minutes)
        if spent >= 1:
            return
        for group in optimizer.param_groups:
            group["lr"] = peak * min(1.0, (number + 1) / WARM_UP) * max(0.02, 1 - spent)
        update = made[start : start + QUESTIONS]
        pairs = [(one.question, text) for one in update for text in one.texts]
        loss = loss_of(model(pairs), update)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        yield loss.item()


def _untrained_first() -> Reranker:
    return Reranker(FIRST, settings.MODELS_DIR / FIRST.base)


def _untrained_second() -> Reranker:
    with TemporaryDirectory() as folder:
        unpack_mpnet(Path(folder))
        return Reranker(SECOND, Path(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--second", action="store_true", help="the one that reads again")
    parser.add_argument("--out", type=Path, required=True, help="such as training/reader/reranker")
    arguments = parser.parse_args()
    django.setup()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    made = exercises(Random(SEED))
    model = _untrained_second() if arguments.second else _untrained_first()
    mean = math.nan
    for number, loss in enumerate(train(model, made, minutes=arguments.minutes), 1):
        mean = loss if math.isnan(mean) else 0.97 * mean + 0.03 * loss
        print(f"{number * QUESTIONS} of {len(made)} questions, loss {mean:.3f}")  # noqa: T201
    model.save(arguments.out)


if __name__ == "__main__":
    main()
