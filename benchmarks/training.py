"""Training: our loop beside a plain TRL trainer, and what minutes of it are worth.

Both trainers get the same rows, model, rank and epochs, each in a process of its own. Ours trains
by the product's recipe; TRL's has the rate that an adapter of all layers learned best with, and
the rest as the library sets it. Tokens are those of the rows as they stand: what is read once for
many rows, or is padding, counts for neither. Both times go from the first batch to the last update,
with all that the loop does in between, and without loading, reading rows and judging.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.tables import Row, print_table
from benchmarks.training_data import write_facts
from training.base_model import read_base_model
from training.recipe import RATE, recipe
from training.trainers.config import RunConfig

ROOT = Path(__file__).resolve().parent.parent
BASE = ROOT / "models" / "docportal-reader"
EPOCHS = 6
CURVE_MINUTES = 6
AIM = 0.8


def config_for(data: Path, out: Path, **values: Any) -> RunConfig:
    out.mkdir()
    return RunConfig(trainer="peft", base=str(BASE), data=str(data), out=str(out), **values)


def of_the_product() -> dict[str, Any]:
    """What a run on this machine's processor is told of how to learn."""
    return asdict(recipe(read_base_model(BASE), gpu_bytes=None))


def ours(config: RunConfig) -> dict[str, float]:
    """Evaluations before the end, where the run has some, are in the seconds."""
    from training.trainers.loop import train
    from training.trainers.peft import PeftLearner

    train(config, PeftLearner(config), stop=lambda: False)
    result = json.loads((Path(config.out) / "result.json").read_text())
    return {"seconds": result["elapsed"], "exact_match": result["history"][-1]["exact_match"]}


def trl(config: RunConfig) -> dict[str, float]:
    """TRL's trainer with a LoRA of ours in size, and its own defaults but for rate and epochs."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from training.rows import read_questions, read_rows
    from training.trainers.peft import PeftLearner
    from training.trainers.validation import validate

    rows = [
        {
            "prompt": list(row.messages),
            "completion": [{"role": "assistant", "content": row.answer}],
        }
        for row in read_rows(Path(config.data) / "train.jsonl")
    ]
    trainer = SFTTrainer(
        model=config.base,
        args=SFTConfig(
            output_dir=config.out,
            learning_rate=config.rate,
            num_train_epochs=config.epochs,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(rows),
        peft_config=LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )
    started = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - started
    adapter = Path(config.out) / "adapter"
    trainer.save_model(str(adapter))
    questions = list(read_questions(Path(config.data) / "validation.jsonl"))
    found = validate(PeftLearner(replace(config, start=str(adapter))), questions)
    return {"seconds": seconds, "exact_match": found.exact_match}


TRAINERS: dict[str, Callable[[RunConfig], dict[str, float]]] = {"ours": ours, "trl": trl}


def measured(name: str, config: RunConfig) -> dict[str, float]:
    """What a trainer did in a process of its own, and the most memory that it took, in GB."""
    command = [sys.executable, "-m", "benchmarks.training", name, json.dumps(asdict(config))]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def row_tokens(data: Path) -> int:
    from transformers import AutoTokenizer

    from training.rows import read_rows
    from training.trainers.packing import encode

    tokenizer = AutoTokenizer.from_pretrained(BASE)
    return sum(len(encode(row, tokenizer)) for row in read_rows(data / "train.jsonl"))


def compare(folder: Path) -> None:
    data = folder / "few"
    rows, questions = write_facts(data, services=3, phrasings=6)
    tokens = row_tokens(data) * EPOCHS
    # None before the end, where each is judged once anyway.
    values = {"epochs": float(EPOCHS), "minutes": 60.0, "evaluations": 0, "batch": 8}
    own = {"ours": of_the_product(), "trl": {"rate": RATE}}
    found = {
        name: measured(name, config_for(data, folder / name, **values, **own[name]))
        for name in TRAINERS
    }
    speed = {name: tokens / result["seconds"] for name, result in found.items()}
    exact = {name: result["exact_match"] for name, result in found.items()}
    memory = {name: result["memory"] for name, result in found.items()}
    print_table(
        f"Training: {rows} rows, {EPOCHS} epochs, {questions} unseen phrasings",
        [
            Row(
                "row tokens a second",
                f"{speed['ours']:.0f}",
                f"TRL {speed['trl']:.0f}",
                f"{speed['ours'] / speed['trl']:.1f} ×",
                "≥ 2 ×",
            ),
            Row(
                "exact match",
                f"{exact['ours']:.2f}",
                f"TRL {exact['trl']:.2f}",
                f"{exact['ours'] - exact['trl']:+.2f}",
                "≥ 0",
            ),
            Row(
                "most memory", f"{memory['ours']:.1f} GB", f"TRL {memory['trl']:.1f} GB", "", "≤ 4"
            ),
        ],
    )


def curve(folder: Path) -> None:
    data, out = folder / "many", folder / "curve"
    rows, questions = write_facts(data, services=8, phrasings=9)
    times = {"epochs": 1_000.0, "minutes": float(CURVE_MINUTES), "evaluations": 8}
    config = config_for(data, out, **times, **of_the_product())
    measured("ours", config)
    points = [
        json.loads(line)
        for line in (out / "events.jsonl").read_text().splitlines()
        if '"validation"' in line
    ]
    reached = next((p["seconds"] / 60 for p in points if p["exact_match"] >= AIM), None)
    print_table(
        f"Exact match by minutes trained: {rows} rows, {questions} unseen phrasings",
        [
            *(
                Row(f"{p['seconds'] / 60:.1f} min", f"{p['exact_match']:.2f}", "", bar(p))
                for p in points
            ),
            Row(f"least time to {AIM:.0%}", f"{reached:.1f} min" if reached else "not reached"),
        ],
    )


def bar(point: dict[str, float]) -> str:
    return "█" * round(20 * point["exact_match"])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder))
        curve(Path(folder))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        result = TRAINERS[sys.argv[1]](RunConfig(**json.loads(sys.argv[2])))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(json.dumps(result | {"memory": memory}))
