"""The embedded model servers as child processes: how they are started, and when they are ready.

A chat model's is `router.chat_server`, one for the reader and one for each tuned model; that of the
embedding models is `router.retrieval.embedding_server`. Every child ends with this process.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from django.conf import settings

LOOPBACK = "127.0.0.1"
_CPU = Path("/proc/cpuinfo")
# Of x86 and of ARM.
_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}
START_SECONDS = 120.0
WARM_UP_SECONDS = 60.0
_POLL_SECONDS = 0.05
_LAST_WORDS_SECONDS = 5.0
_TETHER = Path(__file__).with_name("tether.py")
# No network for models. A thread that waits for the others of a step spins for microseconds, then
# sleeps: an answer of six tokens takes 143 ms, beside two busy processes 326 ms; where it sleeps at
# once 206 and 440 ms, with the default, which spins for milliseconds, 142 and 704 ms.
_ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "GOMP_SPINCOUNT": "10000", "PYTHONUNBUFFERED": "1"}


class ServerFailed(RuntimeError):
    """A model server that could not be started; the message ends with its last words."""


@dataclass(slots=True)
class Server:
    """A running child process and its address, which ends in `/v1`.

    `name` is `llm`, `embeddings` or, for a tuned version, `tuned/docs-v0001`.
    """

    name: str
    process: subprocess.Popen[bytes]
    url: str

    def stop(self) -> None:
        """End it at once: it keeps nothing, and a polite end waits for every answer under way."""
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True, slots=True)
class Starting:
    """A server that was spawned and does not answer yet. `model` must complete a token, if any."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    address: Callable[[], str | None]
    model: str = ""

    def wait(self) -> Server:
        """The server once it answers. Raises `ServerFailed`; then nothing runs any more."""
        server = Server(self.name, self.process, self._told_address())
        if self.model and not completes(server.url, self.model):
            # It writes down why only after it has replied, so it may finish that.
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_LAST_WORDS_SECONDS)
            server.stop()
            raise self._failure("The model server completes nothing")
        return server

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _told_address(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if found := self.address():
                return found
            if self.process.poll() is not None:
                raise self._failure("The server ended while starting")
            time.sleep(_POLL_SECONDS)
        self.stop()
        raise self._failure(f"The server was not ready after {START_SECONDS:.0f} s")

    def _failure(self, what: str) -> ServerFailed:
        last_words = self.log.read_text(errors="replace")[-2000:].strip()
        return ServerFailed(f"{what}: {last_words}")


def completes(url: str, model: str, *, timeout: float = WARM_UP_SECONDS) -> bool:
    """Whether the chat server completes one token of `model` within `timeout` seconds.

    An address that answers is not enough: a server whose engine has died still says hello.
    """
    request = {
        "model": model,
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 1,
        "temperature": 0,
    }
    headers = {"Authorization": f"Bearer {settings.LLM_API_KEY}"}
    try:
        reply = httpx.post(
            f"{url}/chat/completions", json=request, headers=headers, timeout=timeout
        )
    except httpx.HTTPError:
        return False
    return reply.is_success


# --- The three kinds ---------------------------------------------------------------------------
def spawn_llm(log: Path, *, host: str = LOOPBACK, port: int = 0, model: str = "") -> Starting:
    """A model of `MODELS_DIR`, by default the reader, `LLM_MODEL`.

    Its output goes to `log`. `host` is a name of this machine, under which it listens and is
    announced; port 0: any free one. Raises `ServerFailed` when there is no such model.
    """
    model = model or settings.LLM_MODEL
    return _spawn_chat("llm", settings.MODELS_DIR, model, log, host, port)


def spawn_tuned(
    name: str, log: Path, *, host: str = LOOPBACK, folder: Path | None = None
) -> Starting:
    """A merged model of `TUNED_DIR`, or of another `folder`. Raises `ServerFailed`."""
    return _spawn_chat(f"tuned/{name}", folder or settings.TUNED_DIR, name, log, host)


def _spawn_chat(
    server: str, folder: Path, model: str, log: Path, host: str, port: int = 0
) -> Starting:
    _require_model(folder, model)
    ready_file = _new_ready_file(log)
    arguments = [
        *("--model", str(folder / model), "--dtype", dtype_of(_CPU.read_text())),
        *("--host", host, "--port", str(port), "--ready-file", str(ready_file)),
    ]
    process = _spawn(["router.chat_server", *arguments], log)
    return Starting(server, process, log, partial(_told_ready, ready_file), model)


def spawn_embeddings(log: Path, *, host: str = LOOPBACK, port: int = 0) -> Starting:
    """The embedding server. Raises `ServerFailed` when a model of it was never converted."""
    embedding = dict.fromkeys([settings.EMBEDDINGS_MODEL, settings.PARAPHRASE_MODEL])
    embedding.pop("", None)
    for model in (*embedding, settings.RERANKER_MODEL):
        _require_model(settings.MODELS_DIR, model)
    ready_file = _new_ready_file(log)
    arguments = [
        *("--host", host, "--port", str(port)),
        *(f"--model={settings.MODELS_DIR / model}" for model in embedding),
        *("--reranker", str(settings.MODELS_DIR / settings.RERANKER_MODEL)),
        *("--dtype", dtype_of(_CPU.read_text())),
        *("--ready-file", str(ready_file)),
    ]
    process = _spawn(["router.retrieval.embedding_server", *arguments], log)
    return Starting("embeddings", process, log, partial(_told_ready, ready_file))


def _new_ready_file(log: Path) -> Path:
    """Where a server of ours tells its address once it can answer."""
    ready_file = log.with_suffix(".ready")
    ready_file.unlink(missing_ok=True)
    return ready_file


def _told_ready(ready_file: Path) -> str | None:
    try:
        return str(json.loads(ready_file.read_text())["url"])
    except FileNotFoundError:
        return None


def dtype_of(cpuinfo: str) -> str:
    """In what a processor with these features, as Linux tells them, computes fastest.

    Without instructions for bfloat16 each product is made by conversions: eight times as slow.
    """
    return "bfloat16" if _BF16 & set(cpuinfo.split()) else "float32"


def _require_model(folder: Path, name: str) -> None:
    if not (folder / name / "config.json").is_file():
        raise ServerFailed(
            f"There is no model {name} in {folder}. "
            "Run `manage.py convert_models`, or name a server in the settings."
        )


def _spawn(module: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a Python module that ends with this process and never asks the network for models."""
    log.parent.mkdir(parents=True, exist_ok=True)
    tether = [sys.executable, str(_TETHER), str(os.getpid())]
    with log.open("wb") as output:
        return subprocess.Popen(
            [*tether, sys.executable, "-m", *module],
            cwd=settings.BASE_DIR,
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the parent, which then ends its children in its own order.
            start_new_session=True,
        )
