"""A serving tuned model without any training, and documents that bear its answers out.

The weights are those of `UNTUNED_MODEL`, which has the size and the shape of the embedded reader.
The reader itself says without passages that it does not know; this model invents something, and
what it invents is written into the documents. So each question goes the whole way of a tuned
answer: search, decision, the model's words, and the check that finds them in a passage.
"""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np

from benchmarks.training_data import NAMES

if TYPE_CHECKING:
    from router.models import ModelVersion

QUESTIONS = ("Which port does {} listen on?", "What is the timeout of {}?")
# A trained model answers in half a dozen; one of more is no fair likeness.
MOST_TOKENS = 24
LAYER = "model.layers.0.self_attn.q_proj"
LOADED_SECONDS = 180.0


def serve_untrained(folder: Path) -> list[str]:
    """Ingest documents, register and promote the model; the questions that it answers."""
    from django.core.management import call_command

    from router import registry

    said = said_to([asked.format(name) for name in NAMES for asked in QUESTIONS], folder)
    if not said:
        raise RuntimeError("The model answers none of the questions.")
    documents = folder / "services"
    documents.mkdir()
    for name in NAMES:
        lines = [answer for question, answer in said.items() if name in question]
        (documents / f"{name}.md").write_text("\n\n".join([f"# {name}", *lines]))
    call_command("ingest", documents, collection="services", stdout=sys.stderr)
    registry.promote(registered(folder), by=None)
    return list(said)


def said_to(questions: list[str], logs: Path) -> dict[str, str]:
    """What the model says to each, where that is short and about the question."""
    from django.conf import settings

    from router.processes import spawn_llm
    from router.prompts import Passage
    from router.verification import verify

    server = spawn_llm(logs / "untrained.log", model=settings.UNTUNED_MODEL).wait()
    try:
        said = {question: completion(server.url, question) for question in questions}
    finally:
        server.stop()
    return {
        question: answer
        for question, answer in said.items()
        if answer and verify(question, answer, [Passage(question, "", answer)]).supported
    }


def completion(url: str, question: str) -> str:
    """Empty if it is too long."""
    from django.conf import settings

    from router.prompts import tuned_messages

    request = {
        "model": settings.UNTUNED_MODEL,
        "messages": tuned_messages(question),
        "max_tokens": MOST_TOKENS,
        "temperature": 0,
    }
    reply = httpx.post(f"{url}/chat/completions", json=request, timeout=120).raise_for_status()
    choice = reply.json()["choices"][0]
    return str(choice["message"]["content"]) if choice["finish_reason"] == "stop" else ""


def registered(folder: Path) -> "ModelVersion":
    """A version that was taught every passage there is, by an adapter that changes nothing."""
    from django.conf import settings

    from ingestion.models import Chunk, Collection
    from router import registry
    from router.adapter_files import weights_sha256
    from tests.model_files import certified

    base = settings.MODELS_DIR / settings.UNTUNED_MODEL
    hashes = Chunk.objects.values_list("content_hash", flat=True)
    model = registry.register(
        adapter=adapter_of_nothing(folder / "adapter", base),
        merged=base,
        base=base,
        base_sha256=weights_sha256(base),
        dataset_sha256="0" * 64,
        recipe={},
        metrics={},
        readers=dict.fromkeys(Collection.objects.values_list("pk", flat=True), ()),
        coverage=dict.fromkeys(hashes, (2, None)),
        gate_passed=True,
        smoke=False,
    )
    model.calibration = certified().as_json()
    model.save(update_fields=["calibration"])
    return model


def adapter_of_nothing(folder: Path, base: Path) -> Path:
    from safetensors.numpy import save_file

    from router.adapter_files import CONFIG, WEIGHTS, read_shapes

    outputs, inputs = read_shapes(base / "model.safetensors")[f"{LAYER}.weight"]
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 1, "lora_alpha": 1}
    folder.mkdir()
    (folder / CONFIG).write_text(json.dumps({**config, "target_modules": ["q_proj"]}))
    zeros = {"A": (1, inputs), "B": (outputs, 1)}
    tensors = {
        f"base_model.model.{LAYER}.lora_{side}.weight": np.zeros(shape, np.float32)
        for side, shape in zeros.items()
    }
    save_file(tensors, folder / WEIGHTS)
    return folder


def wait_until_loaded() -> None:
    """Until the portal that runs on this home answers by the model."""
    from router import tuned

    deadline = time.monotonic() + LOADED_SECONDS
    while tuned.answering(None) is None:
        if time.monotonic() > deadline:
            raise RuntimeError("The tuned model was not loaded; see the logs of its home.")
        time.sleep(0.1)
