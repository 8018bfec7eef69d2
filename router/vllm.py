"""Adapters on a company's model server: vLLM's calls to load and unload them while it runs.

The server needs `--enable-lora` and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1, and belongs on a private
network, as anybody who reaches it can do the same. It keys its cache of prompts by the adapter's
name (https://github.com/vllm-project/vllm/issues/42125), so a name never gets a second adapter, and
`load_inplace` is never used. Successes answer in text, errors in JSON.
"""

from pathlib import PurePosixPath
from typing import Any

import httpx
from django.conf import settings

LOAD_SECONDS = 60.0
LIST_SECONDS = 2.0
# In the message of a 400, which other mistakes have as well.
_LOADED_ALREADY = "already been loaded"


class AdapterRefused(RuntimeError):
    """The model server did not load an adapter, or does not answer; the message says why."""


def load(name: str, folder: str = "") -> None:
    """Have the adapter answer to `name`; nothing happens if it does. Raises `AdapterRefused`.

    `folder` is relative to where the server sees the adapters; it is `name` unless given.
    """
    path = PurePosixPath(settings.VLLM_ADAPTERS_DIR or settings.TUNED_DIR / "adapters")
    reply = _post("load_lora_adapter", lora_name=name, lora_path=str(path / (folder or name)))
    if reply.is_success or (reply.status_code == 400 and _LOADED_ALREADY in reply.text):
        return
    raise AdapterRefused(f"{reply.status_code}: {reply.text[:500]}")


def unload(name: str) -> None:
    """Have the server forget the adapter; it may not know it. Raises `AdapterRefused`."""
    reply = _post("unload_lora_adapter", lora_name=name)
    if not reply.is_success and reply.status_code != httpx.codes.NOT_FOUND:
        raise AdapterRefused(f"{reply.status_code}: {reply.text[:500]}")


def loaded() -> set[str]:
    """Names that the server answers to now; none when it does not answer."""
    try:
        reply = httpx.get(f"{settings.LLM_URL}/models", headers=_headers(), timeout=LIST_SECONDS)
        return {str(model["id"]) for model in reply.raise_for_status().json()["data"]}
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return set()


def _post(verb: str, **body: Any) -> httpx.Response:
    try:
        return httpx.post(
            f"{settings.LLM_URL}/{verb}", json=body, headers=_headers(), timeout=LOAD_SECONDS
        )
    except httpx.HTTPError as error:
        raise AdapterRefused(f"{settings.LLM_URL} does not answer: {error}") from error


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.LLM_API_KEY}"}
