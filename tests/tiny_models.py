"""A Llama small enough to train in a test: two layers of random weights, the real tokenizer."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM


@dataclass(frozen=True, slots=True)
class TinyVersion:
    """Folders."""

    adapter: Path
    merged: Path


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models") / "tiny"
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(settings.MODELS_DIR / "smollm2-135m-instruct" / name, folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(tiny_llama: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_llama)


@pytest.fixture(scope="module")
def telling_llama(tiny_llama: Path) -> "LlamaForCausalLM":
    """With weights large enough for answers that differ by what was asked."""
    import torch
    from transformers import LlamaForCausalLM

    model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(tiny_llama, dtype=torch.float32)
    torch.manual_seed(1)
    for weights in model.parameters():
        if weights.dim() > 1:
            torch.nn.init.normal_(weights, std=0.4)
    model.train(mode=False)
    return model


@pytest.fixture(scope="session")
def tiny_versions(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> list[TinyVersion]:
    """Two adapters of `tiny_llama` that say different things, each with its merged model."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from training.conversion import merge_adapter

    versions = []
    for seed in (1, 2):
        folder = tmp_path_factory.mktemp(f"tiny-version-{seed}")
        adapter, merged = folder / "adapter", folder / "merged"
        merged.mkdir()
        torch.manual_seed(seed)
        base = AutoModelForCausalLM.from_pretrained(tiny_llama)
        config = LoraConfig(
            r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM"
        )
        model = get_peft_model(base, config)
        for name, weights in model.named_parameters():
            if ".lora_B." in name:
                torch.nn.init.normal_(weights, std=20.0)
        model.save_pretrained(str(adapter))
        merge_adapter(tiny_llama, adapter, merged)
        versions.append(TinyVersion(adapter, merged))
    return versions
