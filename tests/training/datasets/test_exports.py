"""Exports hold what the dataset holds, in forms that other trainers accept."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from ingestion.models import Collection
from tests.training.datasets.pairs import NAMES, teach
from training.datasets import freeze
from training.datasets.exports import write_axolotl, write_hugging_face
from training.models import Dataset
from training.rows import read_questions, read_rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

ROOT = Path(__file__).resolve().parents[3]
AXOLOTL = ROOT / ".venv-axolotl"


@pytest.fixture
def dataset(wiki: Collection) -> Dataset:
    teach(wiki, *NAMES)
    return freeze(collections=[wiki]).dataset


def test_hugging_face_loads_the_same_rows(dataset: Dataset, tmp_path: Path) -> None:
    from datasets import load_from_disk

    write_hugging_face(dataset, tmp_path / "hf")
    loaded = load_from_disk(tmp_path / "hf")
    rows = list(read_rows(dataset.folder / "train.jsonl"))
    assert {name: len(split) for name, split in loaded.items()} == {
        "train": dataset.train, "validation": dataset.validation, "test": dataset.test,
    }  # fmt: skip
    for row, exported in zip(rows, loaded["train"], strict=True):
        assert exported["prompt"] == list(row.messages)
        assert exported["completion"] == [{"role": "assistant", "content": row.answer}]
        assert (exported["fact"], exported["form"]) == (row.fact, row.form)
    questions = list(read_questions(dataset.folder / "test.jsonl"))
    assert [each["prompt"][-1]["content"] for each in loaded["test"]] == [
        question.question for question in questions
    ]


def test_axolotl_gets_conversations_and_a_configuration_that_names_them(
    dataset: Dataset, tmp_path: Path
) -> None:
    write_axolotl(dataset, tmp_path / "axolotl")
    config = yaml.safe_load((tmp_path / "axolotl/axolotl.yaml").read_text())
    ((train,), (validation,)) = config["datasets"], config["test_datasets"]
    for listed, count in ((train, dataset.train), (validation, dataset.validation)):
        lines = (tmp_path / "axolotl" / listed["path"]).read_text().splitlines()
        assert len(lines) == count
        for line in lines:
            roles = [message["role"] for message in json.loads(line)[listed["field_messages"]]]
            assert roles == ["system", "user", "assistant"]
        assert listed["roles_to_train"] == ["assistant"]
    assert config["seed"] == dataset.seed
    assert config["eval_steps"] == config["save_steps"]


@pytest.mark.skipif(not AXOLOTL.exists(), reason="`make axolotl-check` installs Axolotl's schema")
def test_axolotl_accepts_the_configuration_and_no_broken_one(
    dataset: Dataset, tmp_path: Path
) -> None:
    write_axolotl(dataset, tmp_path / "axolotl")
    configs = [tmp_path / "axolotl/axolotl.yaml"]
    for number, change in enumerate(("lora_r: many", "adapter: qloura", "lora_ranks: 3")):
        configs.append(tmp_path / f"broken-{number}.yaml")
        configs[-1].write_text(f"{configs[0].read_text()}{change}\n")
    checked = subprocess.run(
        [sys.executable, ROOT / "tests/axolotl_schema.py", *configs],
        env={**os.environ, "PYTHONPATH": str(AXOLOTL), "AXOLOTL_DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
    )
    verdicts = [line.split(":")[0] for line in checked.stdout.splitlines()]
    assert verdicts == ["accepted", "refused", "refused", "refused"], checked.stdout


@pytest.mark.parametrize("form", ["huggingface", "axolotl"])
def test_command_exports_the_newest_dataset_or_the_one_that_is_named(
    dataset: Dataset, wiki: Collection, tmp_path: Path, form: str
) -> None:
    teach(wiki, "quay-bell")
    newest = freeze(collections=[wiki]).dataset
    for number, exported in ((None, newest), (dataset.number, dataset)):
        printed = StringIO()
        named = [] if number is None else [number]
        out = tmp_path / f"{form}-{number}"
        call_command("export_dataset", *named, "--format", form, "--out", out, stdout=printed)
        assert f"Dataset {exported.number}: {exported.train} rows" in printed.getvalue()
        assert any(out.iterdir())


def test_export_never_mixes_with_what_is_there(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CommandError, match="new or empty folder"):
        call_command("export_dataset", "--format", "axolotl", "--out", tmp_path)
    assert [path.name for path in tmp_path.glob("*.*")] == ["mine.txt"]


def test_damaged_dataset_is_not_exported(dataset: Dataset, tmp_path: Path) -> None:
    (dataset.folder / "train.jsonl").write_text("")
    with pytest.raises(CommandError, match=r"train\.jsonl has changed"):
        call_command("export_dataset", "--format", "axolotl", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_command_says_that_there_is_no_dataset(db: None, tmp_path: Path) -> None:
    for number in ([], [7]):
        with pytest.raises(CommandError, match="There is no dataset"):
            call_command("export_dataset", *number, "--format", "axolotl", "--out", tmp_path / "x")
