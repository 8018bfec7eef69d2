"""What a training lacks is said before it starts, with what to do about it."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.errors import UserError
from training import environment, recipe
from training.base_model import BaseModel, read_base_model
from training.devices import CPU, devices, gpus
from training.trainers.config import RunConfig

GIB = 1 << 30


@pytest.fixture
def base(tmp_path: Path, tiny_llama: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny_llama, tmp_path / "base"))


@pytest.fixture
def config(base: Path, tmp_path: Path) -> RunConfig:
    return RunConfig("peft", str(base), data=str(tmp_path), out=str(tmp_path))


def refusal(config: RunConfig, device: str = CPU) -> tuple[str, str]:
    with pytest.raises(UserError) as error:
        environment.check(config, device=device)
    return error.value.id, str(error.value)


def test_machine_that_has_everything_passes(config: RunConfig, home: Path) -> None:
    environment.check(config, device=CPU)


# --- The base model -------------------------------------------------------------------------------


def test_missing_base_model_is_named(config: RunConfig, tmp_path: Path) -> None:
    failure, reason = refusal(replace(config, base=str(tmp_path / "nowhere")))
    assert failure == "base-missing"
    assert "nowhere" in reason
    assert "convert_models" in reason


def test_folder_without_weights_is_no_model(config: RunConfig, base: Path) -> None:
    (base / "model.safetensors").unlink()
    assert refusal(config)[0] == "base-missing"


def test_model_without_a_tokenizer_is_none(config: RunConfig, base: Path) -> None:
    (base / "tokenizer.json").unlink()
    failure, reason = refusal(config)
    assert failure == "base-missing"
    assert "tokenizer.json" in reason


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"architectures": null}'])
def test_unreadable_description_is_no_llama(config: RunConfig, base: Path, content: str) -> None:
    (base / "config.json").write_text(content)
    assert refusal(config)[0] == "base-not-llama"


def test_other_architecture_is_named(config: RunConfig, base: Path) -> None:
    described = json.loads((base / "config.json").read_text())
    described["architectures"] = ["GPT2LMHeadModel"]
    (base / "config.json").write_text(json.dumps(described))
    failure, reason = refusal(config)
    assert failure == "base-not-llama"
    assert "GPT2LMHeadModel" in reason
    assert "BASE_MODEL" in reason


def test_size_is_read_from_the_description(tiny_llama: Path) -> None:
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM.from_pretrained(tiny_llama)
    read = read_base_model(tiny_llama)
    weights = sum(p.numel() for p in model.parameters() if p.dim() > 1)
    assert read.parameters == weights
    linear = [m for m in model.model.layers.modules() if hasattr(m, "in_features")]
    assert read.sides == sum(m.in_features + m.out_features for m in linear)


# --- Memory, disk, GPU, trainer -------------------------------------------------------------------


def test_lack_of_memory_names_need_and_rest(config: RunConfig, base: Path, home: Path) -> None:
    with (base / "more.safetensors").open("wb") as weights:
        weights.truncate(4000 * GIB)  # A hole: it takes no room.
    failure, reason = refusal(config)
    assert failure == "memory"
    assert "16003.0 GiB" in reason


def test_lack_of_disk_names_the_folder(
    config: RunConfig, home: Path, settings: Settings, tmp_path: Path
) -> None:
    full = replace(config, rank=1 << 40)
    failure, reason = refusal(full)
    assert failure == "disk-full"
    assert str(settings.RUNS_DIR) in reason


def test_unsloth_needs_a_gpu(config: RunConfig) -> None:
    failure, reason = refusal(replace(config, trainer="unsloth"))
    assert failure == "no-gpu"
    assert "UNSLOTH_FORCE_CPU=1" in reason


@pytest.mark.parametrize("python", ["", "/nowhere/python", "/etc/hostname", sys.executable])
def test_unsloth_needs_a_python_that_has_it(
    config: RunConfig, settings: Settings, python: str
) -> None:
    settings.UNSLOTH_FORCE_CPU, settings.UNSLOTH_PYTHON = True, python
    failure, reason = refusal(replace(config, trainer="unsloth"))
    assert failure == "no-unsloth"
    assert repr(python) in reason


def test_python_that_has_unsloth_runs_the_trainer(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "unsloth.py").touch()
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    settings.UNSLOTH_FORCE_CPU, settings.UNSLOTH_PYTHON = True, str(python)
    assert environment.interpreter("unsloth", device=CPU) == str(python)
    assert environment.interpreter("peft", device=CPU) == sys.executable


def test_unknown_trainer_is_refused(config: RunConfig) -> None:
    assert refusal(replace(config, trainer="axolotl"))[0] == "bad-trainer"


# --- Devices --------------------------------------------------------------------------------------

NVIDIA_SMI = """#!/bin/sh
echo "0, 24576, 20000"
echo "1, [N/A], [N/A]"
echo "2, 8192, 100"
"""


@pytest.fixture
def three_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that lists three GPUs, one of which does not tell its memory."""
    driver = tmp_path / "nvidia-smi"
    driver.write_text(NVIDIA_SMI)
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_without_a_driver_there_is_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert devices() == [CPU]


def test_gpus_are_those_that_the_driver_lists(three_gpus: None) -> None:
    assert devices() == ["cuda:0", "cuda:2"]
    assert gpus()[0].free == 20000 << 20


def test_setting_names_the_devices(three_gpus: None, settings: Settings) -> None:
    settings.TRAINING_DEVICES = ["cuda:1"]
    assert devices() == ["cuda:1"]


def test_gpu_that_is_in_use_is_named(three_gpus: None, config: RunConfig) -> None:
    failure, reason = refusal(config, device="cuda:2")
    assert failure == "gpu-memory"
    assert "cuda:2" in reason
    assert "TRAINING_DEVICES" in reason


# --- Recipe ---------------------------------------------------------------------------------------

SMALL = BaseModel(
    Path("small"), bytes=270 << 20, parameters=135_000_000, sides=1_000_000, layers=30
)
LARGE = BaseModel(
    Path("large"), bytes=16 * GIB, parameters=8_000_000_000, sides=9_000_000, layers=32
)


def test_small_model_on_the_cpu_takes_about_four_gigabytes() -> None:
    short = recipe.Recipe(16, 32, first_layer=15, rate=5e-4, b_ratio=16, quantise=False)
    assert recipe.recipe(SMALL, gpu_bytes=None) == short
    assert 3.5 * GIB < recipe.memory_bytes_needed(SMALL) < 4.5 * GIB


def test_large_model_is_quantised_where_it_would_not_fit() -> None:
    assert recipe.recipe(LARGE, gpu_bytes=20 * GIB).quantise
    assert not recipe.recipe(LARGE, gpu_bytes=80 * GIB).quantise
    assert recipe.recipe(LARGE, gpu_bytes=80 * GIB).rate == pytest.approx(2e-4, rel=0.1)
    assert recipe.recipe(LARGE, gpu_bytes=80 * GIB).first_layer == 0
    assert recipe.gpu_bytes_needed(LARGE, quantise=True) < 12 * GIB


@pytest.mark.parametrize(
    ("most", "used", "training"),
    [(10, 0, 35 / 6), (10, 1, 29 / 6), (2, 0, 31 / 30), (10, 9, 2), (60, 0, 269 / 6)],
)
def test_evaluation_gets_its_share_of_the_time(most: float, used: float, training: float) -> None:
    assert recipe.training_minutes(most, used) == pytest.approx(training)


def test_what_is_left_is_for_the_evaluation() -> None:
    assert recipe.evaluation_seconds(10, 8) == 20
    assert recipe.evaluation_seconds(10, 11) == 0
