"""The real model servers, started once for a run of the tests that ask for them."""

import os
from collections.abc import Iterator

import httpx
import pytest

from tests.waiting import until


@pytest.fixture(scope="session")
def embedding_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the real embedding server; set `settings.EMBEDDINGS_URL` to it.

    `make test` has started one for all processes.
    """
    from router.processes import spawn_embeddings

    if url := os.environ.get("TEST_EMBEDDINGS_URL"):
        until(lambda: _answers(url))
        yield url
        return
    server = spawn_embeddings(tmp_path_factory.mktemp("embeddings") / "server.log").wait()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def llm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the real chat server with the real reader; set `settings.LLM_URL` to it."""
    from router.processes import spawn_llm

    server = spawn_llm(tmp_path_factory.mktemp("llm") / "server.log").wait()
    yield server.url
    server.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url.removesuffix("/v1") + "/health").is_success
    except httpx.ConnectError:
        return False
