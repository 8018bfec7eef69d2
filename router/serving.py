"""Where the model servers are: those of the embedded default, or those that the settings name.

All speak the OpenAI protocol over HTTP. Addresses end in `/v1`. A server is found in this order:
the setting; one that `embedded_servers` started in this process; the run file that a
`manage.py model_server` wrote.
"""

import contextlib
import json
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from router.processes import (
    Server,
    ServerFailed,
    Starting,
    spawn_embeddings,
    spawn_llm,
    spawn_tuned,
)

# Addresses of servers that this process started for itself, by `embedded_servers`.
_private: dict[str, str] = {}


def llm_url() -> str | None:
    """Address of the chat server, or None when none runs."""
    return settings.LLM_URL or _found("llm")


def embeddings_url() -> str | None:
    """Address of the embedding server, or None when none runs."""
    return settings.EMBEDDINGS_URL or _found("embeddings")


def tuned_url(name: str) -> str | None:
    """Address of the server that answers by a tuned version, or None when it is not loaded.

    A server that the settings name loads versions as adapters, at the latest when one is asked.
    """
    return settings.LLM_URL or _found(f"tuned/{name}")


def is_up(url: str | None) -> bool:
    """Whether the server of one of the functions above runs."""
    return url is not None and _accepts_connections(url)


def announce(server: Server) -> None:
    """Tell every process of this installation where a long-lived server is."""
    run_file = _run_file(server.name)
    run_file.parent.mkdir(parents=True, exist_ok=True)
    written = run_file.with_suffix(".new")
    written.write_text(json.dumps({"url": server.url, "pid": server.process.pid}))
    written.replace(run_file)


def withdraw(name: str) -> None:
    """Take back what `announce` told."""
    _run_file(name).unlink(missing_ok=True)


def announced_versions() -> list[str]:
    """Names of the tuned versions that a server of this installation was announced for."""
    return sorted(file.stem for file in _run_file("tuned/any").parent.glob("*.json"))


def _run_file(name: str) -> Path:
    return Path(settings.RUN_DIR) / f"{name}.json"


def _found(name: str) -> str | None:
    return _private.get(name) or _announced(name)


def _announced(name: str) -> str | None:
    try:
        url = str(json.loads(_run_file(name).read_text())["url"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        # None, or one that something else than `announce` has written.
        return None
    return url if _accepts_connections(url) else None


def _accepts_connections(url: str) -> bool:
    """Whether something listens there; not whether it can answer, which costs a question."""
    try:
        with socket.create_connection(place_of(url), timeout=1):
            return True
    except OSError:
        return False


def place_of(url: str) -> tuple[str, int]:
    """Host and port of an address."""
    address = urlsplit(url)
    return address.hostname or "", address.port or (443 if address.scheme == "https" else 80)


@contextlib.contextmanager
def embedded_servers(
    *,
    llm: bool = False,
    embeddings: bool = False,
    tuned: Sequence[str] = (),
    failed: Callable[[ServerFailed], object] | None = None,
) -> Iterator[None]:
    """While inside, the wanted servers answer; those that were missing end with the block.

    `tuned` are names of model versions. They also end with this process, however it ends. One
    that cannot be is told to `failed`, and the others answer without it. Raises `ServerFailed`
    where nobody is told.
    """
    with contextlib.ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="docportal-")))
        starting: list[Starting] = []
        # All are started before any is awaited, so that they load side by side.
        for spawn in _missing(logs, llm=llm, embeddings=embeddings, tuned=tuned):
            with _told(failed):
                one = spawn()
                stack.callback(one.stop)
                starting.append(one)
        for one in starting:
            with _told(failed):
                server = one.wait()
                _private[server.name] = server.url
                stack.callback(_private.pop, server.name)
        yield


def _missing(
    logs: Path, *, llm: bool, embeddings: bool, tuned: Sequence[str]
) -> Iterator[Callable[[], Starting]]:
    if llm and llm_url() is None:
        yield partial(spawn_llm, logs / "llm.log")
    if embeddings and embeddings_url() is None:
        yield partial(spawn_embeddings, logs / "embeddings.log")
    for name in tuned:
        if tuned_url(name) is None:
            yield partial(spawn_tuned, name, logs / f"{name}.log")


@contextlib.contextmanager
def _told(failed: Callable[[ServerFailed], object] | None) -> Iterator[None]:
    try:
        yield
    except ServerFailed as error:
        if failed is None:
            raise
        failed(error)
