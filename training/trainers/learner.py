"""What a training loop needs of a model, whichever library holds it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from router.decoding import Prompts
from training.trainers.generation import Generated, generate
from training.trainers.packing import Encoded

WEIGHTS, DESCRIPTION = "adapter_model.safetensors", "adapter_config.json"


class Learner(ABC):
    """A frozen model with a trainable adapter."""

    model: PreTrainedModel  # as its library wraps it
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    takes_halves = False
    """Whether two threads may ask it for a loss at the same time."""

    def expect(self, rows: Sequence[Encoded]) -> None:  # noqa: B027  Most have nothing to do.
        """Called once, before any update, with all rows of the training."""

    def prepare(self) -> None:  # noqa: B027  Most have nothing to do.
        """Called before each update, by one thread."""

    @abstractmethod
    def loss(self, rows: Sequence[Encoded]) -> tuple[Tensor, int]:
        """Sum of the cross-entropy of all answer tokens of rows that belong together, and how
        many tokens the model read for it."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's form, its weights in bf16."""

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Inside, the model writes answers; behind it, it learns again."""
        self.model.train(mode=False)
        yield
        self.model.train()

    def answers(self, prompts: Prompts, *, max_tokens: int) -> Iterator[list[Generated]]:
        """Greedy ones, inside `answering`; a list for each batch."""
        return generate(self.model, self.tokenizer, prompts, max_tokens=max_tokens)

    def adapter(self) -> dict[str, nn.Parameter]:
        """The trainable tensors by name."""
        return {n: p for n, p in self.model.named_parameters() if p.requires_grad}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over the tensors that `adapter` named."""
        with torch.no_grad():
            for name, parameter in self.adapter().items():
                parameter.copy_(tensors[name])


def write_adapter(folder: Path, tensors: Mapping[str, Tensor], description: str) -> None:
    """Both files of an adapter. The description comes last: with it the adapter is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    halved: dict[str, Any] = {n: t.detach().to("cpu", torch.bfloat16) for n, t in tensors.items()}
    save_file(
        {n: t.contiguous() for n, t in halved.items()}, folder / WEIGHTS, metadata={"format": "pt"}
    )
    (folder / DESCRIPTION).write_text(description)
