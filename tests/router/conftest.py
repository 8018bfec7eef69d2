"""A model server that says what the test wants."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.scripted_llm import ScriptedLLM, scripted_llm


@pytest.fixture
def llm(settings: Settings) -> Iterator[ScriptedLLM]:
    with scripted_llm() as script:
        settings.LLM_URL = script.url
        yield script
