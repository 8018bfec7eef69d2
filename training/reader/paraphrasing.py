"""Teaches a copy of all-mpnet-base-v2 which questions ask the same in other words:

DJANGO_SETTINGS_MODULE=docportal.settings python -m training.reader.paraphrasing --out FOLDER

An embedding says what a text is about, so how long a service waits before it tries again and how
often it tries are near: both are about a service that tries again. Each update takes the facts of
a few things, two questions on each, and asks which belong together among those of the same thing.
Of two things nothing is told apart: each has an owner, and asked without the name it is the same.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import django
import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from router.text import fold
from training.haste import as_people_type
from training.packaged import MPNET, unpack_mpnet
from training.reader import frames, things
from training.reader.encoders import in_half_precision, save_adapter

THINGS, FACTS = 5, 12  # of an update, and of each of its things at most
RATE, WARM_UP, SEED = 7e-4, 20, 1
MAX_TOKENS = 64
# Of cosines: a fact that is nearest by less is not told from the next.
LEAST_MARGIN = 0.05
# Shares of the open questions that are answered.
OPEN = (0.03, 0.05, 0.1, 0.2)
# Texts of similar length are read together, in so many parts.
PARTS = 4
# Of what it has learned. All of it tells the things apart better, and other companies' worse: the
# way back to the model before keeps what that can (Wortsman et al. 2021, arXiv:2109.01903).
KEPT = 0.85
# Of InfoNCE (van den Oord et al. 2018, arXiv:1807.03748).
TEMPERATURE = 0.05
# Of the pairwise loss (Zhai et al. 2023, arXiv:2303.15343), which makes one threshold fit all.
SCALE, BIAS, PAIRWISE, SAME = 12.0, 0.5, 4.0, 8.0
# The lowest layers tell words apart, which they can already.
LORA = LoraConfig(
    r=16,
    lora_alpha=32,
    lora_dropout=0.05,
    target_modules=["q", "k", "v", "o", "dense"],
    layers_to_transform=[4, 5, 6, 7, 8, 9, 10, 11],
    layers_pattern="layer",
    exclude_modules="pooler.*",
)

Vectors = NDArray[np.float32]
Questions = tuple[tuple[str, ...], ...]
"""Of one thing: the questions on each of its facts."""


class Paraphrases(nn.Module):
    """The model in `folder` with an adapter, which goes on from the one in `start` if that is
    given: texts to unit vectors."""

    def __init__(self, folder: Path, start: Path | None = None) -> None:
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.encoder = get_peft_model(AutoModel.from_pretrained(folder), LORA)
        if start is not None:
            set_peft_model_state_dict(self.encoder, load_file(start / "adapter_model.safetensors"))
        # Without a start, the one factor is nothing at first and the other is as it was drawn.
        began_with = ".lora_B." if start is None else ".lora_"
        self._began = {
            name: parameter.detach().clone()
            for name, parameter in self.encoder.named_parameters()
            if began_with in name
        }

    def forward(self, texts: Sequence[str]) -> Tensor:
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        size = math.ceil(len(texts) / PARTS)
        parts = [order[start : start + size] for start in range(0, len(texts), size)]
        vectors = torch.cat([self._read([texts[place] for place in part]) for part in parts])
        return vectors[torch.tensor(order).argsort()]

    def _read(self, texts: list[str]) -> Tensor:
        read = self.tokenizer(
            texts, truncation=True, max_length=MAX_TOKENS, padding=True, return_tensors="pt"
        )
        mask = read["attention_mask"].unsqueeze(-1)
        with in_half_precision():
            hidden = self.encoder(**read).last_hidden_state
        return nn.functional.normalize((hidden.float() * mask).sum(1) / mask.sum(1), dim=1)

    def keep(self, share: float) -> None:
        """Of the difference to what it began with, only a `share`."""
        with torch.no_grad():
            for name, began in self._began.items():
                self.encoder.get_parameter(name).lerp_(began, 1 - share)

    def vectors(self, texts: list[str]) -> Vectors:
        with torch.inference_mode():
            read: Vectors = self(texts).numpy()
        return read

    def save(self, folder: Path) -> None:
        """The adapter in PEFT's form."""
        save_adapter(self.encoder, LORA, folder, base=MPNET)


def as_asked(question: str) -> str:
    """As the product compares it: about `it`, in small letters."""
    return fold(question.replace(things.NAME, "it")).text


def learned_from() -> list[Questions]:
    """Of the things, and of the frames of each kind as if they were one thing's."""
    of_things = [tuple(fact.asked for fact in each.facts) for each in things.learned_from()]
    return [*of_things, *frames.questions_by_kind(things.NAME)]


def loss_of(first: Tensor, second: Tensor, thing: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Mean over facts, of whose two questions `first` and `second` are the vectors: (facts,
    dimension). `thing` is the number of the thing that each fact is of: (facts,)."""
    cosines = first @ second.T
    is_same_thing = thing[:, None] == thing[None, :]
    logits = (cosines / TEMPERATURE).masked_fill(~is_same_thing, -1e4)
    facts = torch.arange(len(thing))
    choice = nn.functional.cross_entropy(logits, facts)
    choice = (choice + nn.functional.cross_entropy(logits.T, facts)) / 2
    is_same = torch.eye(len(thing))
    weight = is_same_thing.float() + (SAME - 1) * is_same
    pairwise = nn.functional.binary_cross_entropy_with_logits(
        scale * (cosines - bias), is_same, weight=weight, reduction="sum"
    )
    return choice + PAIRWISE * pairwise / weight.sum()


def train(
    model: Paraphrases, made: Sequence[Questions], *, minutes: float, peak: float = RATE
) -> Iterator[float]:
    """Loss of each update, until the minutes are used up; `peak` is the highest learning rate."""
    rng = Random(SEED)
    own = [one for one in model.parameters() if one.requires_grad]
    scale, bias = nn.Parameter(torch.tensor(SCALE)), nn.Parameter(torch.tensor(BIAS))
    rates = [(own, peak), ([scale, bias], 10 * peak)]
    optimizer = torch.optim.AdamW([{"params": each, "lr": rate} for each, rate in rates])
    started = time.monotonic()
    number = 0
    while (spent := (time.monotonic() - started) / 60 / minutes) < 1:
        number += 1
        for group, (_, rate) in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, number / WARM_UP) * max(0.02, 1 - spent)
        first, second, thing = _drawn(made, rng)
        vectors = model([*first, *second])
        halves = vectors[: len(first)], vectors[len(first) :]
        loss = loss_of(*halves, torch.tensor(thing), scale, bias)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(own, 1.0)
        optimizer.step()
        yield loss.item()


def _drawn(made: Sequence[Questions], rng: Random) -> tuple[list[str], list[str], list[int]]:
    """Two questions on each fact of an update, as people type them, and the number of its thing."""
    first, second, thing = [], [], []
    for number, facts in enumerate(rng.sample(made, min(THINGS, len(made)))):
        for asked in rng.sample(facts, min(FACTS, len(facts))):
            one, other = (
                as_asked(as_people_type(rng, each, keep=things.NAME))
                for each in rng.sample(asked, 2)
            )
            first.append(one)
            second.append(other)
            thing.append(number)
    return first, second, thing


# --- What it is good for -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scores:
    """Of questions in other words than the document's, each held against all of its thing's that
    are in them: the cosine of the nearest, how far it is above that of any other fact, and whether
    it is of the right fact. `open`: the same where the right fact is left out, so that none is."""

    told: NDArray[np.float64]
    right: NDArray[np.bool_]
    open: NDArray[np.float64]


def scores_of(embed: Callable[[list[str]], Vectors], *, every: int = 1) -> Scores:
    """Of what embeds texts as unit vectors, on the things that nothing has learned from; of them
    one in `every` will do for an estimate."""
    told, right, open_ = [], [], []
    for thing in things.kept_back()[::every]:
        known = [as_asked(each) for fact in thing.facts for each in fact.in_its_words]
        of = np.array([n for n, fact in enumerate(thing.facts) for _ in fact.in_its_words])
        asked = [as_asked(each) for fact in thing.facts for each in fact.in_other_words]
        sought = [n for n, fact in enumerate(thing.facts) for _ in fact.in_other_words]
        vectors = embed([*known, *asked])
        cosines = vectors[len(known) :] @ vectors[: len(known)].T
        nearest = np.stack([cosines[:, of == n].max(1) for n in range(len(thing.facts))], 1)
        for row, number in zip(nearest, sought, strict=True):
            others = np.sort(np.delete(row, number))[::-1]
            best = np.sort(row)[::-1]
            told.append((best[0], best[0] - best[1]))
            right.append(int(row.argmax()) == number)
            open_.append((others[0], others[0] - others[1]))
    return Scores(np.array(told), np.array(right), np.array(open_))


def report(scores: Scores) -> str:
    """How many are answered rightly and wrongly where so many of the open ones are answered."""
    right = scores.right
    lines = [f"{right.mean():.3f} of {len(right)} nearest to the right fact", "open  right  wrong"]
    sure = scores.told[:, 1] >= LEAST_MARGIN
    open_sure = scores.open[:, 1] >= LEAST_MARGIN
    for share in OPEN:
        least = np.quantile(np.where(open_sure, scores.open[:, 0], -1), 1 - share)
        told = sure & (scores.told[:, 0] >= least)
        rights, wrongs = (told & right).mean(), (told & ~right).mean()
        lines.append(f"{share:.2f}  {rights:5.3f}  {wrongs:5.3f}  from a cosine of {least:.3f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--start", type=Path, help="the adapter that it goes on from")
    parser.add_argument("--kept", type=float, default=KEPT, help="share of what it has learned")
    parser.add_argument(
        "--out", type=Path, required=True, help="such as training/reader/paraphrase"
    )
    arguments = parser.parse_args()
    django.setup()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)
    with TemporaryDirectory() as folder:
        unpack_mpnet(Path(folder))
        model = Paraphrases(Path(folder), arguments.start)
    print(report(scores_of(model.vectors)))  # noqa: T201
    mean = math.nan
    losses = train(model, learned_from(), minutes=arguments.minutes, peak=arguments.rate)
    for number, loss in enumerate(losses, 1):
        mean = loss if math.isnan(mean) else 0.97 * mean + 0.03 * loss
        if number % 20 == 0:
            print(f"{number} updates, loss {mean:.3f}")  # noqa: T201
    model.eval()
    model.keep(arguments.kept)
    print(report(scores_of(model.vectors)))  # noqa: T201
    model.save(arguments.out)


if __name__ == "__main__":
    main()
