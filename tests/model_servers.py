"""The real model servers, started once for a run of the tests that ask for them."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def embedding_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the real embedding server; set `settings.EMBEDDINGS_URL` to it."""
    from router.processes import spawn_embeddings

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
