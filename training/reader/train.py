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
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerBase

from router.prompts import REFUSAL
from training.reader import lora
from training.reader.data import Exercise, exercises
from training.reader.packing import Packed, pack, tokenise

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
    evaluate_at: tuple[float, ...] = (0.3, 0.7, 0.85, 1)  # shares of the time or steps
    held_out: int = 20  # exercises of held-out companies
    threads: int = 2


@dataclass
class Progress:
    """What a checkpoint knows beside the weights."""

    step: int = 0
    seconds: float = 0.0
    questions: int = 0
    tokens: int = 0
    best: float = -math.inf
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Score:
    """Of greedy answers, in shares: exact text and citation; a wrong statement; refusals."""

    exact: float
    exact_with_source: float
    wrong: float
    refusal_recall: float
    over_refusal: float
    questions: int

    @property
    def value(self) -> float:
        """A wrong statement costs as much as a right one earns; a refusal costs nothing."""
        return self.exact - self.wrong


class Reader:
    """The base model with its adapters, as the trainer and the evaluation use it."""

    def __init__(self, config: Config) -> None:
        torch.manual_seed(config.seed)
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(config.base)
        self.model = LlamaForCausalLM.from_pretrained(
            config.base, dtype=torch.bfloat16, attn_implementation="eager"
        )
        self.adapters = lora.inject(self.model, rank=config.rank, alpha=config.alpha)

    def parameters(self) -> list[nn.Parameter]:
        return [p for adapter in self.adapters.values() for p in (adapter.a, adapter.b)]

    def logits(self, packed: Packed) -> Tensor:
        """(T, vocabulary), in float32, at the answers' positions only."""
        hidden = self.model.model(
            input_ids=packed.ids[None],
            position_ids=packed.positions[None],
            attention_mask=packed.mask(self.model.dtype),
            use_cache=False,
        ).last_hidden_state[0]
        logits: Tensor = self.model.lm_head(hidden[packed.predicts]).float()
        return logits


def train(config: Config) -> Progress:
    """Train until the steps or the minutes are used up; the best adapter is in `config.out`."""
    torch.set_num_threads(config.threads)
    reader = Reader(config)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=config.rate, weight_decay=0.01)
    progress = _resume(config, reader, optimizer)
    held_out = list(itertools.islice(exercises(HELD_OUT_SEED, held_out=True), config.held_out))
    batches = _batches(config, skip=progress.step)
    while (spent := _spent(config, progress)) < 1:
        started = time.monotonic()
        for group in optimizer.param_groups:
            group["lr"] = config.rate * _schedule(spent, config.warmup)
        loss = _step(reader, optimizer, next(batches), progress)
        progress.step += 1
        progress.seconds += time.monotonic() - started
        _log(progress, loss)
        after = _spent(config, progress)
        evaluating = any(spent < mark <= after for mark in config.evaluate_at)
        if evaluating:
            _keep_best(config, reader, progress, evaluate(reader, held_out))
        if evaluating or progress.step % config.checkpoint_every == 0:
            _checkpoint(config, reader, optimizer, progress)
    return progress


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


def _step(
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


def evaluate(reader: Reader, held_out: list[Exercise]) -> Score:
    """Judge greedy answers without generating them.

    Greedy decoding gives the wanted answer exactly when each of its tokens is the most likely one
    after those before it, which one pass over the answers shows.
    """
    refusal = reader.tokenizer.encode(REFUSAL, add_special_tokens=False)
    source = reader.tokenizer.encode(" [", add_special_tokens=False)[0]
    outcomes = []
    for exercise in held_out:
        packed = pack(tokenise(exercise, reader.tokenizer))
        with torch.no_grad():
            best = reader.logits(packed).argmax(-1)
        for number in range(len(exercise.questions)):
            mine = packed.row == number
            outcomes.append(_outcome(packed.targets[mine], best[mine], refusal, source))
    return _score(outcomes)


@dataclass(frozen=True, slots=True)
class Outcome:
    answerable: bool
    refused: bool
    exact: bool
    exact_with_source: bool


def _outcome(wanted: Tensor, best: Tensor, refusal: list[int], source: int) -> Outcome:
    right = (wanted == best).tolist()
    wanted_ids, best_ids = wanted.tolist(), best.tolist()
    answerable = wanted_ids[: len(refusal)] != refusal
    text = len(right) - 1 - wanted_ids[::-1].index(source) if answerable else len(right)
    refused = best_ids[0] == refusal[0] if answerable else all(right)
    return Outcome(answerable, refused, all(right[:text]), all(right))


def _score(outcomes: list[Outcome]) -> Score:
    answerable = [o for o in outcomes if o.answerable]
    missing = [o for o in outcomes if not o.answerable]
    wrong = sum(not o.exact and not o.refused for o in outcomes)
    return Score(
        exact=_share(sum(o.exact for o in answerable), len(answerable)),
        exact_with_source=_share(sum(o.exact_with_source for o in answerable), len(answerable)),
        wrong=_share(wrong, len(outcomes)),
        refusal_recall=_share(sum(o.refused for o in missing), len(missing)),
        over_refusal=_share(sum(o.refused and not o.exact for o in answerable), len(answerable)),
        questions=len(outcomes),
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


# --- What is kept ------------------------------------------------------------------------------
def _log(progress: Progress, loss: float) -> None:
    speed = progress.tokens / progress.seconds
    print(f"step {progress.step} loss {loss:.3f} {speed:.0f} tokens/s", flush=True)  # noqa: T201


def _keep_best(config: Config, reader: Reader, progress: Progress, score: Score) -> None:
    progress.history.append({"step": progress.step, **asdict(score)})
    print(json.dumps(progress.history[-1]), flush=True)  # noqa: T201
    if score.value <= progress.best:
        return
    progress.best = score.value
    save_adapter(reader, config, config.out)


def save_adapter(reader: Reader, config: Config, folder: Path) -> None:
    """Write the adapter as PEFT does: a small configuration and bf16 safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    description: dict[str, Any] = {
        "base_model_name_or_path": config.base.name,
        "bias": "none",
        "lora_alpha": config.alpha,
        "lora_dropout": 0.0,
        "peft_type": "LORA",
        "r": config.rank,
        "target_modules": sorted(lora.TARGETS),
        "task_type": "CAUSAL_LM",
    }
    tensors = lora.state(reader.adapters, torch.bfloat16)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    (folder / "adapter_config.json").write_text(json.dumps(description, indent=1) + "\n")


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
    from safetensors import safe_open

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
    train(Config(**vars(options)))


if __name__ == "__main__":
    main()
