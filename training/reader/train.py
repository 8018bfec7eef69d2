"""Train the reader's adapter: `python -m training.reader.train --minutes 40 --out /tmp/reader`.

Reads exercises from `training.reader.data`, keeps the best adapter in OUT and a checkpoint beside
it. Run it again with the same OUT to go on after a stop.
"""

import argparse
import itertools
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from training.reader import lora
from training.reader.data import Exercise, exercises
from training.reader.model import Reader
from training.reader.packing import pack, tokenise
from training.reader.scoring import Score, evaluate

HELD_OUT_SEED = 7_000_000


@dataclass(frozen=True)
class Config:
    base: Path
    out: Path
    minutes: float = 40
    steps: int = 400
    batch: int = 1  # exercises, each of about ten questions
    rate: float = 1.5e-3
    warmup: float = 0.05
    rank: int = 16
    alpha: float = 32
    seed: int = 1
    checkpoint_every: int = 20
    evaluate_at: tuple[float, ...] = (0.4, 0.8, 1)  # shares of the time or steps
    held_out: int = 12  # exercises of held-out companies
    threads: int = 2


@dataclass
class Progress:
    """What a checkpoint knows beside the weights."""

    step: int = 0
    seconds: float = 0.0
    questions: int = 0
    tokens: int = 0
    best: float = -math.inf
    losses: list[float] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)


def train(config: Config) -> Iterator[Progress]:
    """Train until the steps or the minutes are used up. Yields after each update.

    The best adapter so far is in `config.out`, with a checkpoint from which it goes on.
    """
    torch.set_num_threads(config.threads)
    reader = Reader(config.base, rank=config.rank, alpha=config.alpha, seed=config.seed)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=config.rate, weight_decay=0.01)
    progress = _resume(config, reader, optimizer)
    held_out = list(itertools.islice(exercises(HELD_OUT_SEED, held_out=True), config.held_out))
    batches = _batches(config, skip=progress.step)
    while (spent := _spent(config, progress)) < 1:
        started = time.monotonic()
        for group in optimizer.param_groups:
            group["lr"] = config.rate * _schedule(spent, config.warmup)
        progress.losses.append(step(reader, optimizer, next(batches), progress))
        progress.step += 1
        progress.seconds += time.monotonic() - started
        after = _spent(config, progress)
        evaluating = any(spent < mark <= after for mark in config.evaluate_at)
        if evaluating:
            _keep_best(config, reader, progress, evaluate(reader, held_out))
        if evaluating or progress.step % config.checkpoint_every == 0:
            _checkpoint(config, reader, optimizer, progress)
        yield progress


def _spent(config: Config, progress: Progress) -> float:
    """Share of the steps or of the time that is used, whichever is more."""
    return max(progress.step / config.steps, progress.seconds / 60 / config.minutes)


def _schedule(spent: float, warmup: float) -> float:
    """Linear warm-up, then half a cosine down to 0."""
    if spent < warmup:
        return (spent + 1e-3) / warmup
    return 0.5 * (1 + math.cos(math.pi * (spent - warmup) / (1 - warmup)))


def _batches(config: Config, *, skip: int) -> Iterator[list[Exercise]]:
    """The same batches for the same seed; the first `skip` are passed over."""
    source = itertools.islice(exercises(config.seed), skip * config.batch, None)
    while True:
        yield list(itertools.islice(source, config.batch))


def step(
    reader: Reader,
    optimizer: torch.optim.Optimizer,
    batch: list[Exercise],
    progress: Progress,
) -> float:
    """One update on the mean loss of all answer tokens of the batch."""
    packed = [pack(tokenise(exercise, reader.tokenizer)) for exercise in batch]
    answer_tokens = sum(len(p.targets) for p in packed)
    total = 0.0
    for p in packed:
        loss = functional.cross_entropy(reader.logits(p), p.targets, reduction="sum")
        (loss / answer_tokens).backward()  # type: ignore[no-untyped-call]
        total += loss.item() / answer_tokens
        progress.tokens += len(p.ids)
        progress.questions += int(p.row[-1]) + 1
    nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return total


# --- What is kept ------------------------------------------------------------------------------
def _keep_best(config: Config, reader: Reader, progress: Progress, score: Score) -> None:
    progress.history.append({"step": progress.step, **asdict(score)})
    if score.value <= progress.best:
        return
    progress.best = score.value
    reader.save(config.out)


def _checkpoint(
    config: Config, reader: Reader, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Weights, optimizer and progress in one file, replaced in one step."""
    tensors = lora.state(reader.adapters, torch.float32)
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
    path = _checkpoint_file(config)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(".new")
    save_file(tensors, written, metadata={"progress": json.dumps(asdict(progress))})
    written.replace(path)


def _resume(config: Config, reader: Reader, optimizer: torch.optim.Optimizer) -> Progress:
    path = _checkpoint_file(config)
    if not path.exists():
        return Progress()
    tensors = load_file(path)
    lora.load(reader.adapters, tensors)
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, number, moment = name.split(".")
            moments.setdefault(int(number), {})[moment] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    with safe_open(path, framework="pt") as opened:
        return Progress(**json.loads(opened.metadata()["progress"]))


def _checkpoint_file(config: Config) -> Path:
    return config.out / "checkpoint.safetensors"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, default=Path("models/smollm2-135m-instruct"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=Config.minutes)
    parser.add_argument("--steps", type=int, default=Config.steps)
    parser.add_argument("--rate", type=float, default=Config.rate)
    parser.add_argument("--seed", type=int, default=Config.seed)
    parser.add_argument("--threads", type=int, default=Config.threads)
    options = parser.parse_args()
    for progress in train(Config(**vars(options))):
        if progress.step % 10 == 0:
            minutes, speed = progress.seconds / 60, progress.tokens / progress.seconds
            loss = sum(progress.losses[-10:]) / 10
            print(f"{progress.step}: {minutes:.1f} min, loss {loss:.3f}, {speed:.0f} tokens/s")  # noqa: T201
    print(json.dumps(progress.history, indent=1))  # noqa: T201


if __name__ == "__main__":
    main()
