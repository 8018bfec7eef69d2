"""The two model servers of the embedded default: where they are, and how they are started.

Both speak the OpenAI protocol over HTTP: one completes chats (`transformers serve`), one embeds
texts. Addresses in this module end in `/v1`. A server is found in this order: the setting; one
that `embedded_servers` started in this process; the run file that `manage.py up` wrote.
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
from django.conf import settings

Kind = Literal["llm", "embeddings"]

START_SECONDS = 120.0
WARM_UP_SECONDS = 60.0
_POLL_SECONDS = 0.05
_LAST_WORDS_SECONDS = 5.0
_TETHER = Path(__file__).with_name("tether.py")
# 8,192 tokens in all: four prompts of the reader's usual size at once, or one of the longest.
_CACHE_PAGES, _CACHE_PAGE_TOKENS = 256, 32
# No network for models. Threads that wait sleep instead of spinning, the default: beside other busy
# processes one answer came at 17 tokens/s and not 2. Alone it costs a fifth: 21 and not 26.
_ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1"}
_LISTENING = re.compile(r"Uvicorn running on (http://\S+)")

# Servers that this process started for itself, by `embedded_servers`.
_private: dict[Kind, str] = {}


class ServerFailed(RuntimeError):
    """A model server that could not be started; the message ends with its last words."""


@dataclass(slots=True)
class Server:
    """A running child process and its address."""

    kind: Kind
    process: subprocess.Popen[bytes]
    url: str

    def stop(self) -> None:
        """End it at once: it keeps nothing, and a polite end waits for every answer under way."""
        self.process.kill()
        self.process.wait()


# --- Where they are ----------------------------------------------------------------------------
def llm_url() -> str | None:
    """Address of the chat server, or None when none runs."""
    return settings.LLM_URL or _private.get("llm") or _announced("llm")


def embeddings_url() -> str | None:
    """Address of the embedding server, or None when none runs."""
    return settings.EMBEDDINGS_URL or _private.get("embeddings") or _announced("embeddings")


def announce(server: Server) -> None:
    """Tell every process of this installation where a long-lived server is."""
    run_file = _run_file(server.kind)
    run_file.parent.mkdir(parents=True, exist_ok=True)
    written = run_file.with_suffix(".new")
    written.write_text(json.dumps({"url": server.url, "pid": server.process.pid}))
    written.replace(run_file)


def withdraw(kind: Kind) -> None:
    """Take back what `announce` told."""
    _run_file(kind).unlink(missing_ok=True)


def ready(url: str, *, timeout: float = WARM_UP_SECONDS) -> bool:
    """Whether the chat server completes one token within `timeout` seconds.

    An address that answers is not enough: a server whose engine has died still says hello.
    """
    request = {
        "model": settings.LLM_MODEL,
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


def _run_file(kind: Kind) -> Path:
    return Path(settings.RUN_DIR) / f"{kind}.json"


def _announced(kind: Kind) -> str | None:
    try:
        url = str(json.loads(_run_file(kind).read_text())["url"])
    except FileNotFoundError:
        return None
    return url if _accepts_connections(url) else None


def _accepts_connections(url: str) -> bool:
    address = urlsplit(url)
    try:
        with socket.create_connection((address.hostname or "", address.port or 80), timeout=1):
            return True
    except OSError:
        return False


# --- How they are started ----------------------------------------------------------------------
@contextlib.contextmanager
def embedded_servers(*, llm: bool = False, embeddings: bool = False) -> Iterator[None]:
    """While inside, the wanted servers answer; those that were missing end with the block.

    They also end with this process, however it ends. Raises `ServerFailed`.
    """
    missing: list[Kind] = []
    if llm and llm_url() is None:
        missing.append("llm")
    if embeddings and embeddings_url() is None:
        missing.append("embeddings")
    with contextlib.ExitStack() as stack:
        # All are started before any is awaited, so that they load side by side.
        starting = [(kind, stack.enter_context(_private_start(kind))) for kind in missing]
        for kind, wait in starting:
            _private[kind] = wait().url
            stack.callback(_private.pop, kind)
        yield


def start_llm(log: Path, *, port: int = 0) -> Server:
    """Start the chat server and wait until `LLM_MODEL` is loaded and has completed a token.

    Its output goes to `log`. Port 0 is any free one. Raises `ServerFailed`.
    """
    return _await_llm(_spawn_llm(log, port), log)


def start_embeddings(log: Path, *, port: int = 0) -> Server:
    """Start the embedding server and wait until it answers. Raises `ServerFailed`."""
    return _await_embeddings(_spawn_embeddings(log, port), log)


@contextlib.contextmanager
def _private_start(kind: Kind) -> Iterator[Callable[[], Server]]:
    """Start a server on a free port; what is yielded waits for it. It ends with the block."""
    spawn, wait = {
        "llm": (_spawn_llm, _await_llm),
        "embeddings": (_spawn_embeddings, _await_embeddings),
    }[kind]
    with tempfile.TemporaryDirectory(prefix="docportal-") as folder:
        log = Path(folder) / f"{kind}.log"
        process = spawn(log, 0)
        try:
            yield lambda: wait(process, log)
        finally:
            process.kill()
            process.wait()


def _spawn_llm(log: Path, port: int) -> subprocess.Popen[bytes]:
    """`transformers serve` in the folder of the models, so that a model's name is its folder."""
    _require_model(settings.LLM_MODEL)
    listen = ["--host", "127.0.0.1", "--port", str(port)]
    model = ["--device", "cpu", "--dtype", "bfloat16", "--model-timeout", "-1"]
    # Without a bound the cache of keys and values takes all the memory there is.
    cache = ["--cb-num-blocks", str(_CACHE_PAGES), "--cb-block-size", str(_CACHE_PAGE_TOKENS)]
    return _spawn(
        [
            "transformers.cli.transformers",
            "serve",
            *listen,
            *model,
            "--continuous-batching",
            *cache,
        ],
        log=log,
        folder=settings.MODELS_DIR,
    )


def _await_llm(process: subprocess.Popen[bytes], log: Path) -> Server:
    def address() -> str | None:
        found = _LISTENING.search(log.read_text(errors="replace"))
        return f"{found[1]}/v1" if found else None

    server = Server("llm", process, _poll(address, process, log))
    # The first request loads the model. Its settings also fix the server's: temperature 0.
    if not ready(server.url):
        # It writes down why only after it has replied, so it may finish that.
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LAST_WORDS_SECONDS)
        server.stop()
        raise _failure("The model server completes nothing", log)
    return server


def _spawn_embeddings(log: Path, port: int) -> subprocess.Popen[bytes]:
    _require_model(settings.EMBEDDINGS_MODEL)
    _embeddings_ready_file(log).unlink(missing_ok=True)
    listen = ["--host", "127.0.0.1", "--port", str(port)]
    model = ["--model", str(settings.MODELS_DIR / settings.EMBEDDINGS_MODEL)]
    told = ["--ready-file", str(_embeddings_ready_file(log))]
    return _spawn(
        ["router.retrieval.embedding_server", *listen, *model, *told],
        log=log,
        folder=settings.BASE_DIR,
    )


def _await_embeddings(process: subprocess.Popen[bytes], log: Path) -> Server:
    def address() -> str | None:
        try:
            return str(json.loads(_embeddings_ready_file(log).read_text())["url"])
        except FileNotFoundError:
            return None

    return Server("embeddings", process, _poll(address, process, log))


def _embeddings_ready_file(log: Path) -> Path:
    return log.with_suffix(".ready")


def _require_model(name: str) -> None:
    if not (settings.MODELS_DIR / name / "config.json").is_file():
        raise ServerFailed(
            f"There is no model {name} in {settings.MODELS_DIR}. "
            "Run `manage.py convert_models`, or name a server in the settings."
        )


def _spawn(module: list[str], *, log: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start a Python module that ends with this process and never asks the network for models."""
    log.parent.mkdir(parents=True, exist_ok=True)
    tether = [sys.executable, str(_TETHER), str(os.getpid())]
    with log.open("wb") as output:
        return subprocess.Popen(
            [*tether, sys.executable, "-m", *module],
            cwd=folder,
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for the parent, which then ends its children in its own order.
            start_new_session=True,
        )


def _poll(address: Callable[[], str | None], process: subprocess.Popen[bytes], log: Path) -> str:
    """The address once the child tells it. Raises `ServerFailed` when it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if found := address():
            return found
        if process.poll() is not None:
            raise _failure("The server ended while starting", log)
        time.sleep(_POLL_SECONDS)
    process.kill()
    raise _failure(f"The server was not ready after {START_SECONDS:.0f} s", log)


def _failure(what: str, log: Path) -> ServerFailed:
    last_words = log.read_text(errors="replace")[-2000:].strip()
    return ServerFailed(f"{what}: {last_words}")
