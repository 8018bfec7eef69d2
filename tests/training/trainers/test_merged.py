import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from training.trainers.merged import MergedLinear, compute_merged


@pytest.fixture
def adapted(tiny_llama: Path) -> Any:
    """A tiny Llama in float32 with an adapter that says something."""
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.float32)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base, lora)
    for parameter in trained(model).values():
        nn.init.normal_(parameter, std=0.1)
    return model


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: each for name, each in model.named_parameters() if each.requires_grad}


def gradients(model: Any) -> dict[str, Tensor]:
    ids = torch.arange(3, 20)[None]
    model.zero_grad()
    model(input_ids=ids, labels=ids).loss.backward()
    return {n: each.grad.clone() for n, each in trained(model).items() if each.grad is not None}


def test_every_gradient_is_that_of_peft(adapted: Any) -> None:
    expected = gradients(adapted)
    compute_merged(adapted)
    found = gradients(adapted)
    assert found.keys() == expected.keys()
    assert any(isinstance(each, MergedLinear) for each in adapted.modules())
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6)


def test_it_says_what_the_merged_model_will_say(adapted: Any) -> None:
    compute_merged(adapted)
    ids = torch.arange(3, 20)[None]
    with torch.no_grad():
        said = adapted(input_ids=ids).logits
        merged = copy.deepcopy(adapted).merge_and_unload()
        torch.testing.assert_close(merged(input_ids=ids).logits, said, rtol=1e-4, atol=1e-5)


def test_it_heeds_what_an_optimizer_writes_and_what_a_checkpoint_brings(adapted: Any) -> None:
    compute_merged(adapted)
    ids = torch.arange(3, 20)[None]
    before = {name: each.detach().clone() for name, each in trained(adapted).items()}
    with torch.no_grad():
        first = adapted(input_ids=ids).logits
    gradients(adapted)
    torch.optim.SGD(trained(adapted).values(), lr=0.5).step()
    with torch.no_grad():
        assert not torch.allclose(adapted(input_ids=ids).logits, first, atol=1e-3)
        for name, each in trained(adapted).items():
            each.copy_(before[name])
        torch.testing.assert_close(adapted(input_ids=ids).logits, first)
