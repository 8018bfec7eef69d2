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
    """Have the adapter answer to `name`; nothing happens if it does. Raises `AdapterRefused`,
    also where the name is that of an adapter in another folder.

    `folder` is relative to where the server sees the adapters; it is `name` unless given.
    """
    root = PurePosixPath(settings.VLLM_ADAPTERS_DIR or settings.TUNED_DIR / "adapters")
    path = str(root / (folder or name))
    reply = _post("load_lora_adapter", lora_name=name, lora_path=path)
    if reply.is_success:
        return
    if reply.status_code != httpx.codes.BAD_REQUEST or _LOADED_ALREADY not in reply.text:
        raise AdapterRefused(_told(reply))
    other = _folders().get(name) or path
    if other != path:
        raise AdapterRefused(
            f"The server knows another adapter as {name}, that in {other}. Give each installation "
            "a server of its own, or start this one anew."
        )


def unload(name: str) -> None:
    """Have the server forget the adapter; it may not know it. Raises `AdapterRefused`."""
    reply = _post("unload_lora_adapter", lora_name=name)
    if not reply.is_success and reply.status_code != httpx.codes.NOT_FOUND:
        raise AdapterRefused(_told(reply))


def loaded() -> set[str]:
    """Names that the server answers to now; none when it does not answer."""
    return set(_folders())


def _folders() -> dict[str, str]:
    """What the server read each model from, by name; empty if it does not say."""
    try:
        reply = httpx.get(f"{settings.LLM_URL}/models", headers=_headers(), timeout=LIST_SECONDS)
        models = reply.raise_for_status().json()["data"]
        return {str(model["id"]): str(model.get("root") or "") for model in models}
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _told(reply: httpx.Response) -> str:
    try:
        message = str(reply.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = reply.text
    return f"{reply.status_code}: {message[:500]}"


def _post(verb: str, **body: Any) -> httpx.Response:
    try:
        return httpx.post(
            f"{settings.LLM_URL}/{verb}", json=body, headers=_headers(), timeout=LOAD_SECONDS
        )
    except httpx.HTTPError as error:
        raise AdapterRefused(f"{settings.LLM_URL} does not answer: {error}") from error


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.LLM_API_KEY}"}
