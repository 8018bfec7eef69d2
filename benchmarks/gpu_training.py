"""Training on a GPU: Unsloth beside plain PEFT, on a model of the shape of Llama 3.1 8B.

    make unsloth
    .venv/bin/python -m benchmarks.gpu_training

Its weights are random, which changes nothing about time and memory. Needs an NVIDIA GPU of 24 GB
and 17 GB of disk (TMPDIR says where). Both trainers run in the environment that `make unsloth`
made, each in a process of its own, on the same packed rows: once in four bits, once in bf16.
"""

import importlib
import json
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from benchmarks.tables import Row, print_table

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv-unsloth" / "bin" / "python"
TOKENIZER = ROOT / "models" / "docportal-reader"
SHAPE: dict[str, Any] = {
    "vocab_size": 128256,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
}
TRAINERS = ("unsloth", "peft")
PRECISIONS = {"4-bit": True, "bf16": False}
ROWS, BATCH, WARM_UP, UPDATES = 512, 64, 5, 20


def make_base(folder: str) -> None:
    """Write the model, made on the GPU, and a tokenizer whose tokens it knows."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = LlamaForCausalLM(LlamaConfig(**SHAPE, eos_token_id=tokenizer.eos_token_id))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def measure(trainer: str, precision: str, folder: str) -> None:
    """Print tokens a second, the most GPU memory in GiB and the card's name, as JSON."""
    from training.trainers.__main__ import LEARNERS
    from training.trainers.config import RunConfig

    module, name = LEARNERS[trainer]
    learner_type = getattr(importlib.import_module(module), name)

    from training.trainers.batching import updates

    config = RunConfig(trainer, folder, "", "", rank=32, alpha=64, quantise=PRECISIONS[precision])
    learner = learner_type(config)
    optimizer = torch.optim.AdamW(learner.adapter().values(), lr=1e-5)
    endless = updates(_rows(learner), batch=BATCH, max_tokens=config.max_tokens, seed=1)

    def train(count: int) -> int:
        tokens = 0
        for update in islice(endless, count):
            for sequence in update:
                loss, read = learner.loss(sequence)
                loss.backward()
                tokens += read
            optimizer.step()
            optimizer.zero_grad()
        torch.cuda.synchronize()
        return tokens

    train(WARM_UP)
    torch.cuda.reset_peak_memory_stats()
    started = time.monotonic()
    tokens = train(UPDATES)
    result = {
        "speed": tokens / (time.monotonic() - started),
        "memory": torch.cuda.max_memory_allocated() / (1 << 30),
        "card": torch.cuda.get_device_name(),
    }
    print(json.dumps(result))


def _rows(learner: Any) -> list[Any]:
    from router.prompts import tuned_messages
    from training.rows import Row as Example
    from training.trainers.packing import encode

    return [
        encode(
            Example(
                tuple(tuned_messages(f"Which port does service {number} use?")),
                f"{4000 + number}",
                "closed",
            ),
            learner.tokenizer,
        )
        for number in range(ROWS)
    ]


def child(*arguments: str) -> str:
    """What this module prints last when a process of its own runs it with the arguments."""
    command = [str(PYTHON), "-m", "benchmarks.gpu_training", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip().rpartition("\n")[2]


def compare(base: str) -> None:
    child("make-base", base)
    lines = []
    card = ""
    for precision in PRECISIONS:
        found = {
            trainer: json.loads(child("measure", trainer, precision, base)) for trainer in TRAINERS
        }
        card = found["unsloth"]["card"]
        for what, form in (("speed", "{:.0f} tokens/s"), ("memory", "{:.1f} GiB")):
            ours, theirs = (found[trainer][what] for trainer in TRAINERS)
            lines.append(
                Row(
                    f"{what}, {precision}",
                    form.format(ours),
                    f"PEFT {form.format(theirs)}",
                    f"{ours / theirs:.2f} ×",
                )
            )
    print_table(f"Training an 8B Llama with Unsloth on {card}", lines)


def main() -> None:
    if not torch.cuda.is_available():
        print("No GPU was found, so training on one is not measured.")
        return
    if not PYTHON.exists():
        sys.exit("Unsloth is not installed. Run `make unsloth` first.")
    with tempfile.TemporaryDirectory() as folder:
        compare(str(Path(folder) / "base"))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make-base", folder]:
            make_base(folder)
        case ["measure", trainer, precision, folder]:
            measure(trainer, precision, folder)
        case _:
            main()
