"""Training with PEFT, on the CPU or on any GPU."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from torch import Tensor
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from training.trainers import branches
from training.trainers.config import RunConfig
from training.trainers.frozen import Frozen, part_of
from training.trainers.learner import Learner, write_adapter
from training.trainers.merged import bring_up_to_date, compute_merged
from training.trainers.packing import Encoded, Packed, pack

# All linear layers of a Llama.
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class PeftLearner(Learner):
    splits = True
    """Whether the layers below those that learn can be gone through by themselves."""

    def __init__(self, config: RunConfig) -> None:
        torch.manual_seed(config.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.dtype = best_dtype(self.device)
        self.quantised = config.quantise
        self.takes_halves = self.device.type == "cpu"
        self.no_mask = torch.zeros(1, 1, 1, 1, device=self.device)
        self.tokenizer = AutoTokenizer.from_pretrained(config.base)
        model = self.load_model(config)
        self.model = model
        self._transformer = model.base_model.model.model
        self._head = model.base_model.model.lm_head
        self._learning, self._frozen = self._transformer, None
        first = min(model.peft_config["default"].layers_to_transform or [0])
        if first and self.splits:
            self._learning = part_of(self._transformer, first, len(self._transformer.layers))
            self._frozen = Frozen(self._transformer, first)

    def load_model(self, config: RunConfig) -> Any:
        """The base, frozen, with a fresh adapter or with that of `config.start`."""
        base = AutoModelForCausalLM.from_pretrained(
            config.base,
            dtype=self.dtype,
            attn_implementation=branches.NAME,
            quantization_config=_four_bits() if config.quantise else None,
            device_map={"": self.device},
        )
        if config.start:
            model = PeftModel.from_pretrained(base, config.start, is_trainable=True)
        else:
            model = get_peft_model(base, _lora(config, base.config.num_hidden_layers))
        if not config.quantise:
            compute_merged(model)
        return model

    def prepare(self) -> None:
        bring_up_to_date(self.model)

    def expect(self, rows: Sequence[Encoded]) -> None:
        if self._frozen:
            self._frozen.expect(rows)

    def loss(self, rows: Sequence[Encoded]) -> tuple[Tensor, int]:
        packed = pack(rows).to(self.device)
        # A quantised model's adapters are in float32, and multiplied in its own precision.
        with torch.autocast(self.device.type, self.dtype, enabled=self.quantised):
            hidden = self._hidden(rows, packed)
            # A vocabulary's worth of logits for the answers' tokens only.
            logits = self._head(hidden[packed.predicts]).float()
        return functional.cross_entropy(logits, packed.targets, reduction="sum"), len(packed.ids)

    def _hidden(self, rows: Sequence[Encoded], packed: Packed) -> Tensor:
        """(L, width): what the head makes logits of."""
        attention = self.attention(packed)
        told = (
            {"inputs_embeds": self._frozen.states(rows, packed, **attention)[None]}
            if self._frozen
            else {"input_ids": packed.ids[None]}
        )
        output = self._learning(
            **told, position_ids=packed.positions[None], use_cache=False, **attention
        )
        states: Tensor = output.last_hidden_state[0]
        return states

    def attention(self, packed: Packed) -> dict[str, Any]:
        """What tells the model which places of the sequence see each other."""
        laid_out = branches.lay_out(packed.shared, packed.lengths, self.dtype, self.device)
        # Any mask of four dimensions keeps transformers from making one of its own.
        return {"branches": laid_out, "attention_mask": self.no_mask}

    def save(self, folder: Path) -> None:
        lora: Any = self.model.peft_config["default"]
        description = {
            **{name: getattr(lora, name) for name in ("r", "lora_alpha", "lora_dropout", "bias")},
            "base_model_name_or_path": Path(lora.base_model_name_or_path).name,
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            # By their last names, which every layer shares.
            "target_modules": sorted({name.rpartition(".")[2] for name in lora.target_modules}),
            "layers_to_transform": lora.layers_to_transform,
        }
        # Whether embeddings were trained is not looked up: they never are.
        weights = get_peft_model_state_dict(self.model, save_embedding_layers=False)
        write_adapter(folder, weights, json.dumps(description, indent=1) + "\n")


def best_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor multiplies it, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def learning_layers(config: RunConfig, layers: int) -> list[int] | None:
    """The layers of so many that get an adapter; None: all."""
    return list(range(config.first_layer, layers)) if config.first_layer else None


def _lora(config: RunConfig, layers: int) -> LoraConfig:
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=0.0,
        bias="none",
        target_modules=LINEAR,
        layers_to_transform=learning_layers(config, layers),
        task_type="CAUSAL_LM",
    )


def _four_bits() -> BitsAndBytesConfig:
    """QLoRA (Dettmers et al. 2023, arXiv:2305.14314)."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
