"""A frozen dataset in the forms that other trainers read."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ingestion.errors import UserError
from router.prompts import REFUSAL, tuned_messages
from training.datasets.manifest import TEST, TRAIN, VALIDATION, verify_folder
from training.models import Dataset
from training.rows import Question, Row, read_questions, read_rows

Chat = list[dict[str, str]]

AXOLOTL_CONFIG = """\
# Made of dataset {sha256}.
# Train with `axolotl train axolotl.yaml`, in this folder. For another base model, give its own
# padding token: one that is never the end of an answer.
base_model: meta-llama/Llama-3.1-8B-Instruct
special_tokens:
  pad_token: <|finetune_right_pad_id|>

load_in_4bit: true
adapter: qlora
lora_r: 32
lora_alpha: 32
lora_dropout: 0.0
lora_target_linear: true

# The model's own template; the loss is on the answers and their end alone.
chat_template: tokenizer_default
datasets:
  - path: {train}
    ds_type: json
    type: chat_template
    field_messages: messages
    roles_to_train: [assistant]
    train_on_eos: turn
test_datasets:
  - path: {validation}
    ds_type: json
    split: train
    type: chat_template
    field_messages: messages
    roles_to_train: [assistant]
    train_on_eos: turn

sequence_len: 2048
sample_packing: true
eval_sample_packing: false
attn_implementation: flash_attention_2
gradient_checkpointing: true
bf16: auto
micro_batch_size: 4
gradient_accumulation_steps: 4
num_epochs: 4
optimizer: adamw_8bit
learning_rate: 0.0002
lr_scheduler: cosine
warmup_ratio: 0.05
weight_decay: 0.01
seed: {seed}

eval_steps: 50
save_steps: 50
save_total_limit: 2
early_stopping_patience: 3
load_best_model_at_end: true
auto_resume_from_checkpoints: true
dataset_prepared_path: ./prepared
output_dir: ./adapter
"""


def write_hugging_face(dataset: Dataset, folder: Path) -> None:
    """A `datasets.DatasetDict` on disk: `load_from_disk(folder)`.

    Splits train, validation and test with the columns `prompt` and `completion` (chat messages),
    `fact` (id; empty where there is none) and `form` (of a row; the kind of a question). Raises
    `UserError`: `dataset-damaged`, `folder-in-use`.
    """
    from datasets import Dataset as Split
    from datasets import DatasetDict

    _prepare(dataset, folder)
    splits = {
        Path(name).stem: Split.from_list(list(_columns(each)))
        for name, each in _contents(dataset, (TRAIN, VALIDATION, TEST))
    }
    DatasetDict(splits).save_to_disk(folder)


def write_axolotl(dataset: Dataset, folder: Path) -> None:
    """`axolotl.yaml` with `train.jsonl` and `validation.jsonl` of `{"messages"}` lines.

    Raises as `write_hugging_face`.
    """
    _prepare(dataset, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, each in _contents(dataset, (TRAIN, VALIDATION)):
        lines = (
            json.dumps({"messages": prompt + completion}, ensure_ascii=False)
            for prompt, completion, _fact, _form in map(_conversation, each)
        )
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    config = AXOLOTL_CONFIG.format(
        sha256=dataset.sha256, train=TRAIN, validation=VALIDATION, seed=dataset.seed
    )
    (folder / "axolotl.yaml").write_text(config)


FORMATS: dict[str, Callable[[Dataset, Path], None]] = {
    "huggingface": write_hugging_face,
    "axolotl": write_axolotl,
}


def _prepare(dataset: Dataset, folder: Path) -> None:
    verify_folder(dataset.folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError("folder-in-use", f"{folder} is there already. Name a new or empty folder.")


def _contents(
    dataset: Dataset, names: Iterable[str]
) -> Iterator[tuple[str, Iterator[Row] | Iterator[Question]]]:
    for name in names:
        path = dataset.folder / name
        yield name, read_rows(path) if name == TRAIN else read_questions(path)


def _columns(items: Iterable[Row | Question]) -> Iterator[dict[str, Any]]:
    for prompt, completion, fact, form in map(_conversation, items):
        yield {"prompt": prompt, "completion": completion, "fact": fact, "form": form}


def _conversation(item: Row | Question) -> tuple[Chat, Chat, str, str]:
    """Prompt, completion, fact and form of a row, or of a question with its best answer."""
    match item:
        case Row():
            return list(item.messages), _said(item.answer), item.fact, item.form
        case Question():
            prompt = item.messages or tuned_messages(item.question)
            answer = item.answers[0] if item.answers else REFUSAL
            return list(prompt), _said(answer), item.fact, item.kind


def _said(answer: str) -> Chat:
    return [{"role": "assistant", "content": answer}]
