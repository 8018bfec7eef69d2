"""The last test of a new model before it gets its name: does a server make it say anything?"""

import tempfile
import uuid
from pathlib import Path

import httpx
from django.conf import settings

from ingestion.errors import UserError
from router import vllm
from router.model_store import Staged
from router.processes import ServerFailed, spawn_tuned
from router.prompts import tuned_messages

QUESTION = "What is documented here?"
MAX_TOKENS = 32
ANSWER_SECONDS = 60.0


def smoke_test(model: Staged) -> None:
    """Raises `UserError` (`says-nothing`) unless the model answers on the server it is for."""
    try:
        said = _on_company_server(model) if settings.LLM_URL else _on_own_server(model)
    except (ServerFailed, vllm.AdapterRefused, httpx.HTTPError) as error:
        raise _failed(model, str(error)) from error
    if not said.strip():
        raise _failed(model, "its answer is empty")


def _on_own_server(model: Staged) -> str:
    if model.merged is None:
        raise _failed(model, "there is no merged model, which the embedded server needs")
    with tempfile.TemporaryDirectory(prefix="docportal-") as logs:
        folder, name = model.merged.parent, model.merged.name
        starting = spawn_tuned(name, Path(logs) / "server.log", folder=folder)
        try:
            return _answer(starting.wait().url, name)
        finally:
            starting.stop()


def _on_company_server(model: Staged) -> str:
    """Under a name of its own: the server may remember what it was told under a name."""
    name = f"smoke-{uuid.uuid4().hex}"
    vllm.load(name, f"{model.folder.name}/{model.adapter.name}")
    try:
        return _answer(settings.LLM_URL, name)
    finally:
        vllm.unload(name)


def _answer(url: str, name: str) -> str:
    request = {
        "model": name,
        "messages": tuned_messages(QUESTION),
        "max_tokens": MAX_TOKENS,
        "temperature": 0,
    }
    headers = {"Authorization": f"Bearer {settings.LLM_API_KEY}"}
    reply = httpx.post(
        f"{url}/chat/completions", json=request, headers=headers, timeout=ANSWER_SECONDS
    )
    return str(reply.raise_for_status().json()["choices"][0]["message"]["content"] or "")


def _failed(model: Staged, why: str) -> UserError:
    return UserError(
        "says-nothing", f"{model.name} was made, but the model server gets no answer: {why[-1000:]}"
    )
