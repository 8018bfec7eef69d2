"""Training with Unsloth: its fused kernels on one GPU. Without a GPU it is PEFT, to be tried.

Runs in an environment of its own, `unsloth.txt` beside this file.
"""

import os
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Else unsloth counts its users on the web, and writes what it compiles where it was started.
os.environ.setdefault("UNSLOTH_DISABLE_STATISTICS", "1")
os.environ.setdefault("UNSLOTH_COMPILE_LOCATION", str(Path(sys.prefix) / "compiled"))

from unsloth import FastLanguageModel  # isort: skip  (it patches the libraries below)

import torch
from peft import LoraConfig, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoConfig

from router.decoding import Prompts, padded
from training.trainers.config import RunConfig
from training.trainers.generation import Generated, batches
from training.trainers.learner import WEIGHTS
from training.trainers.packing import Encoded, Packed
from training.trainers.peft import PeftLearner, learning_layers

# What is longer is cut without a word. Prompts with passages take up to this many tokens.
_LONGEST = 8192
_CLOSE = 0.1


class UnslothLearner(PeftLearner):
    splits = False

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        # Unsloth takes each sequence for one text, unless it is told to keep the mask it is given.
        self._transformer._unsloth_keep_padding_mask = True  # noqa: SLF001
        self._check_branches()

    def load_model(self, config: RunConfig) -> Any:
        # Four bits are chosen where memory is short: there activations are computed twice.
        checkpointing = "unsloth" if config.quantise else False
        positions = AutoConfig.from_pretrained(config.base).max_position_embeddings
        base, _ = FastLanguageModel.from_pretrained(
            config.base,
            dtype=self.dtype,
            load_in_4bit=config.quantise,
            max_seq_length=min(positions, _LONGEST),
            use_gradient_checkpointing=checkpointing,
        )
        start = LoraConfig.from_pretrained(config.start) if config.start else None
        learning = learning_layers(config, base.config.num_hidden_layers)
        model = FastLanguageModel.get_peft_model(
            base,
            r=start.r if start else config.rank,
            lora_alpha=start.lora_alpha if start else config.alpha,
            lora_dropout=0.0,
            bias="none",
            layers_to_transform=start.layers_to_transform if start else learning,
            use_gradient_checkpointing=checkpointing,
            random_state=config.seed,
        )
        if start:
            set_peft_model_state_dict(model, load_file(Path(config.start) / WEIGHTS))
        return model

    def attention(self, packed: Packed) -> dict[str, Any]:
        """As a mask: Unsloth has attention of its own."""
        return {"attention_mask": packed.mask(self.dtype)}

    @contextmanager
    def answering(self) -> Iterator[None]:
        FastLanguageModel.for_inference(self.model)
        yield
        FastLanguageModel.for_training(self.model)

    def answers(self, prompts: Prompts, *, max_tokens: int) -> Iterator[list[Generated]]:
        """By Unsloth's own generation: it goes on from a cache by one token at a time alone."""
        end = self.tokenizer.eos_token_id
        for places in batches([len(prompt) for prompt in prompts]):
            ids, seen = padded([prompts[place] for place in places], end)
            with torch.no_grad():
                whole = self.model.generate(
                    input_ids=ids.to(self.device),
                    attention_mask=seen.to(self.device),
                    max_new_tokens=max_tokens,
                    do_sample=False,
                    eos_token_id=end,
                    pad_token_id=end,
                )
            written = whole[:, ids.shape[1] :].tolist()
            texts = self.tokenizer.batch_decode(written, skip_special_tokens=True)
            yield [
                Generated(place, text.strip(), _length(line, end))
                for place, text, line in zip(places, texts, written, strict=True)
            ]

    def _check_branches(self) -> None:
        """Two equal rows in one sequence must cost twice what one does: if the second could see
        the first, it would copy it. Raises RuntimeError."""
        ids = self.tokenizer.encode("A row of its own: 7 grey herons, 31 boats, 5 red lamps.")
        row = Encoded(prompt=array("i", ids[:2]), answer=array("i", ids[2:]))
        with torch.no_grad():
            one, two = self.loss([row])[0].item(), self.loss([row, row])[0].item()
        if abs(two / one - 2) > _CLOSE:
            raise RuntimeError(
                "This unsloth lets the rows of a sequence see each other. Install the one of "
                "training/trainers/unsloth.txt."
            )


def _length(line: list[int], end: int) -> int:
    """Of an answer, its end of turn included; behind it there is padding."""
    return line.index(end) + 1 if end in line else len(line)
