"""The training loop that all trainers share: `train` is the whole of it."""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.rows import Question, read_questions, read_rows
from training.trainers import checkpoints
from training.trainers.batching import Sequences, epoch_updates, updates
from training.trainers.checkpoints import Progress
from training.trainers.config import RunConfig
from training.trainers.events import RESULT, Events
from training.trainers.halves import Halves
from training.trainers.learner import Learner
from training.trainers.packing import Encoded, encode
from training.trainers.validation import validate
from training.writing import write_whole


class Stopped(Exception):
    """Somebody asked the process to end; a checkpoint is written."""


def train(config: RunConfig, learner: Learner, *, stop: Callable[[], bool]) -> None:
    """Teach the adapter until the epochs or the minutes are used up, or more evaluations in a row
    than `patience` find nothing better. That cannot be within the usual five: while the rate falls,
    the next may be better still.

    The best adapter is then in `out/adapter`, and `out/result.json` tells how it went. Called
    again after a stop it goes on from the newest checkpoint. Raises `Stopped`.
    """
    out = Path(config.out)
    events = Events(out)
    rows, dropped = _rows(config, learner)
    learner.expect(rows)
    questions = list(read_questions(Path(config.data) / "validation.jsonl"))
    steps = math.ceil(_updates_an_epoch(config, rows) * config.epochs)
    optimizer = _optimizer(config, learner)
    halves = Halves(learner, torch.get_num_threads())
    progress = checkpoints.resume(out, learner, optimizer)
    events.tell("started", steps=steps, rows=len(rows), dropped=dropped, device=str(learner.device))
    saved_at = progress.seconds
    began = time.monotonic() - progress.elapsed
    for update in _remaining(config, rows, progress):
        spent = _spent(config, progress, steps)
        if spent >= 1 or progress.since_best > config.patience:
            break
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * schedule(spent, config.warmup)
        loss = _step(halves, optimizer, update, progress)
        progress.elapsed = time.monotonic() - began
        _told_step(events, config, progress, steps, loss)
        if _is_due(config, spent, _spent(config, progress, steps)):
            _evaluate(config, learner, questions, progress, events)
            saved_at = -math.inf
        progress.elapsed = time.monotonic() - began
        if stop() or progress.seconds - saved_at >= config.checkpoint_seconds:
            checkpoints.save(out, learner, optimizer, progress)
            events.tell("checkpoint", step=progress.step)
            saved_at = progress.seconds
        if stop():
            raise Stopped
    if not progress.history or progress.history[-1]["step"] < progress.step:
        # The time ran out while something else was done than training.
        _evaluate(config, learner, questions, progress, events)
    _finish(config, progress, events, dropped)


def _optimizer(config: RunConfig, learner: Learner) -> torch.optim.Optimizer:
    """B learns faster than A (LoRA+, Hayou et al. 2024, arXiv:2402.12354)."""
    adapter = learner.adapter()
    groups = [
        {
            "params": [weight for name, weight in adapter.items() if ("lora_B" in name) is of_b],
            "peak": config.rate * (config.b_ratio if of_b else 1),
        }
        for of_b in (False, True)
    ]
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay)


def schedule(spent: float, warmup: float) -> float:
    """Linear warm-up, then half a cosine down to 0 (Loshchilov and Hutter, arXiv:1608.03983)."""
    if spent < warmup:
        return (spent + 1e-3) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (spent - warmup) / (1 - warmup))))


# --- The data ----------------------------------------------------------------------------------
def _rows(config: RunConfig, learner: Learner) -> tuple[list[Encoded], int]:
    """The rows that fit, and how many do not."""
    encoded = [
        encode(row, learner.tokenizer) for row in read_rows(Path(config.data) / "train.jsonl")
    ]
    fitting = [row for row in encoded if len(row) <= config.max_tokens]
    return fitting, len(encoded) - len(fitting)


def _updates_an_epoch(config: RunConfig, rows: Sequence[Encoded]) -> int:
    return len(
        epoch_updates(rows, batch=config.batch, max_tokens=config.max_tokens, seed=config.seed)
    )


def _remaining(
    config: RunConfig, rows: Sequence[Encoded], progress: Progress
) -> Iterator[Sequences]:
    return updates(
        rows,
        batch=config.batch,
        max_tokens=config.max_tokens,
        seed=config.seed,
        skip=progress.step,
    )


# --- One update --------------------------------------------------------------------------------
def _step(
    halves: Halves,
    optimizer: torch.optim.Optimizer,
    update: Sequences,
    progress: Progress,
) -> float:
    """One update on the mean loss of all its answer tokens. Returns that mean."""
    started = time.monotonic()
    answer_tokens = sum(len(row.answer) for sequence in update for row in sequence)
    total, tokens = halves.learn(update, answer_tokens)
    progress.tokens += tokens
    progress.rows += sum(map(len, update))
    nn.utils.clip_grad_norm_(halves.learner.adapter().values(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    progress.step += 1
    progress.seconds += time.monotonic() - started
    return total


def _spent(config: RunConfig, progress: Progress, steps: int) -> float:
    """Share of the epochs or of the minutes that is used, whichever is more."""
    return max(progress.step / steps, progress.elapsed / 60 / config.minutes)


def _told_step(
    events: Events, config: RunConfig, progress: Progress, steps: int, loss: float
) -> None:
    spent = _spent(config, progress, steps)
    events.tell(
        "step",
        step=progress.step,
        steps=max(progress.step, round(progress.step / spent)),
        seconds=round(progress.seconds, 2),
        loss=round(loss, 5),
        tokens_per_second=round(progress.tokens / progress.seconds, 1),
        seconds_left=round(progress.elapsed * max(0.0, 1 - spent) / spent, 1),
    )


# --- What is kept ------------------------------------------------------------------------------
def _is_due(config: RunConfig, before: float, after: float) -> bool:
    """Whether one of the evaluations, evenly spread and the last at the end, lies between."""
    return math.floor(min(after, 1) * config.evaluations) > math.floor(before * config.evaluations)


def _evaluate(
    config: RunConfig,
    learner: Learner,
    questions: Sequence[Question],
    progress: Progress,
    events: Events,
) -> None:
    """Judge the adapter as it is, and keep it if none was better."""
    found = validate(learner, questions)
    progress.evaluations += 1
    progress.history.append({"step": progress.step, "exact_match": found.exact_match})
    if found.value >= progress.best:
        progress.best, progress.best_step, progress.since_best = found.value, progress.step, 0
        checkpoints.save_best(Path(config.out), learner, progress.step)
    else:
        progress.since_best += 1
    values: dict[str, Any] = {"exact_match": found.exact_match}
    events.tell(
        "validation",
        step=progress.step,
        seconds=round(progress.seconds, 2),
        hallucination=found.hallucination,
        answers=found.answers,
        **values,
    )


def _finish(config: RunConfig, progress: Progress, events: Events, dropped: int) -> None:
    out = Path(config.out)
    checkpoints.take_best(out, progress.best_step)
    result = {**asdict(progress), "dropped": dropped}
    write_whole(out / RESULT, json.dumps(result, indent=1))
    events.tell(
        "ended",
        step=progress.step,
        seconds=round(progress.seconds, 2),
        best_step=progress.best_step,
    )
