"""What `tests/router/test_vllm.py` plays by a script, with a real vLLM server and real adapters.

Each step prints how long it took, as a row of the table in docs/vllm.md.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import Settings

from ingestion.errors import UserError
from ingestion.models import Collection
from router import engines, model_store, registry, services, tuned, vllm
from router.adapter_files import weights_sha256
from router.llm import ModelUnavailable
from router.models import ModelVersion
from router.prompts import Passage, tuned_messages
from router.tuned import ServedModel
from tests.documents import passage, publish
from tests.model_files import Workshop
from tests.vllm_server import PYTHON, VllmServer
from tests.waiting import until
from training.rows import Question, Row, write_lines
from training.trainers.config import RunConfig

pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="vLLM is not installed: make vllm"),
    pytest.mark.timeout(1800),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("home"),
]

Adapters = tuple[Path, Path]
Register = Callable[[Path], ModelVersion]

BASE = Path(django_settings.MODELS_DIR) / django_settings.BASE_MODEL
QUESTION = "Which port does alder use?"
# The first adapter's answer, and the second one's. Each test makes the same two, by the same names.
FIRST, SECOND = "4411", "7007"
# What the reader copies from it takes more tokens than an answer may have.
ENDLESS = Passage("Ports", "Open ports", f"Open are {', '.join(map(str, range(4400, 4960, 7)))}.")


@contextmanager
def timed(step: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"| {step} | {time.perf_counter() - started:.2f} |")


def taught(answer: str, folder: Path, rank: int = 4) -> Path:
    """An adapter of the embedded model that answers `QUESTION` so, made by our trainer."""
    from training.trainers.loop import train
    from training.trainers.peft import PeftLearner

    folder.mkdir()
    row = Row(tuple(tuned_messages(QUESTION)), answer, "closed", fact=QUESTION)
    write_lines(folder / "train.jsonl", [row])
    write_lines(folder / "validation.jsonl", [Question(0, QUESTION, (answer,), "recall")])
    config = RunConfig(
        trainer="peft",
        base=str(BASE),
        data=str(folder),
        out=str(folder),
        rank=rank,
        alpha=2 * rank,
        rate=1e-2,
        epochs=10,
        batch=1,
        evaluations=1,
    )
    train(config, PeftLearner(config), stop=lambda: False)
    return folder / "adapter"


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Adapters:
    folder = tmp_path_factory.mktemp("adapters")
    return taught(FIRST, folder / "first"), taught(SECOND, folder / "second")


@pytest.fixture(scope="module")
def server(adapters: Adapters, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    server = VllmServer(tmp_path_factory.mktemp("vllm") / "server.log")
    try:
        with timed("The server starts and is well"):
            server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(autouse=True)
def company_server(server: VllmServer, settings: Settings) -> Iterator[None]:
    """It has forgotten all adapters afterwards."""
    settings.LLM_URL = server.url
    settings.LLM_TIMEOUT = 120.0  # All else on this machine has the processor first.
    yield
    for name in vllm.loaded() - {settings.LLM_MODEL}:
        vllm.unload(name)


@pytest.fixture
def register(workshop: Workshop) -> Register:
    """Makes a version of an adapter, which is tried on the server before it gets its name."""
    given = {"merged": None, "base": BASE, "base_sha256": weights_sha256(BASE), "smoke": True}
    return lambda adapter: workshop.candidate(adapter=adapter, **given)


@pytest.fixture
def first(register: Register, adapters: Adapters) -> ModelVersion:
    return register(adapters[0])


@pytest.fixture
def second(first: ModelVersion, register: Register, adapters: Adapters) -> ModelVersion:
    return register(adapters[1])


def said(name: str) -> str:
    async def collect() -> str:
        served = ServedModel(name, django_settings.LLM_URL)
        return "".join([delta.text async for delta in engines.tuned(QUESTION, served)])

    return asyncio.run(collect())


def said_now() -> str:
    """By whichever version answers everybody now."""
    served = tuned.answering(None)
    assert served is not None
    return said(served.name)


# --- Answers -----------------------------------------------------------------------------------
async def test_reader_answers_by_stream_with_its_token_counts() -> None:
    passages = [Passage("Mail relay", "Limits", "It retries 9 times.")]
    with timed("The base model answers from a passage, by stream"):
        deltas = [delta async for delta in engines.rag("How often does it retry?", passages)]
    assert "".join(delta.text for delta in deltas) == "9 times [1]"
    assert len([delta for delta in deltas if delta.text]) > 2
    assert sum(delta.prompt_tokens for delta in deltas) > 100
    assert sum(delta.completion_tokens for delta in deltas) > 2


def test_each_promoted_version_answers_by_its_name(
    first: ModelVersion, second: ModelVersion
) -> None:
    assert vllm.loaded() == {django_settings.LLM_MODEL}
    with timed("A version is promoted: its adapter is loaded"):
        registry.promote(first, by=None)
    with timed("It answers"):
        assert said_now() == FIRST
    with timed("Another one is promoted"):
        registry.promote(second, by=None)
    assert said_now() == SECOND
    assert [said(name) for name in tuned.ready_models()] == [FIRST, SECOND]
    with timed("It is rolled back"):
        registry.roll_back(by=None)
    assert said_now() == FIRST


def test_answer_is_checked_and_cited(first: ModelVersion, wiki: Collection) -> None:
    publish(wiki, "alder.md", [passage("Alder uses port 4411.", "Ports")], title="Alder")
    registry.promote(first, by=None)
    answer = services.ask(QUESTION, user=None, route="tuned")
    assert (answer.route, answer.text, answer.model) == ("tuned", FIRST, first.name)
    assert answer.verified


# --- Changes while it runs ---------------------------------------------------------------------
def test_no_question_fails_while_versions_change(
    first: ModelVersion, second: ModelVersion, register: Register, adapters: Adapters
) -> None:
    heard: list[str] = []
    ended = threading.Event()

    def ask_on() -> None:
        try:
            while not ended.is_set():
                heard.append(said_now())
        except ModelUnavailable as error:
            heard.append(str(error))
        finally:
            connection.close()

    def two_more_answers() -> None:
        wanted = len(heard) + 2
        until(lambda: len(heard) >= wanted, within=60)

    registry.promote(first, by=None)
    third = register(adapters[1])
    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        two_more_answers()
        registry.promote(second, by=None)
        two_more_answers()
        registry.roll_back(by=None)
        two_more_answers()
        registry.promote(second, by=None)
        registry.promote(third, by=None)
        assert registry.prune(keep=0) == [first.name]
        two_more_answers()
    finally:
        ended.set()
        asking.join()
    assert set(heard) == {FIRST, SECOND}
    assert vllm.loaded() == {django_settings.LLM_MODEL, second.name, third.name}


def test_unloaded_adapter_is_loaded_again_by_the_next_question(first: ModelVersion) -> None:
    registry.promote(first, by=None)
    with timed("An adapter is unloaded"):
        vllm.unload(first.name)
    assert vllm.loaded() == {django_settings.LLM_MODEL}
    with timed("The next question loads it again and is answered"):
        assert said_now() == FIRST


def test_name_that_there_is_no_adapter_for_is_a_model_that_does_not_answer() -> None:
    with pytest.raises(ModelUnavailable, match="No adapter found"):
        said("docs-v0099")


def test_name_that_another_adapter_has_is_refused(
    first: ModelVersion, second: ModelVersion
) -> None:
    vllm.load(first.name, second.name)
    with pytest.raises(UserError, match="knows another adapter as") as caught:
        registry.promote(first, by=None)
    assert caught.value.id == "not-loaded"


def test_adapter_of_too_high_a_rank_is_refused_and_the_server_lives(
    first: ModelVersion, register: Register, tmp_path: Path
) -> None:
    adapter = taught(FIRST, tmp_path / "wide", rank=64)
    with timed("An adapter of rank 64 is refused"), pytest.raises(UserError) as caught:
        register(adapter)
    assert caught.value.id == "says-nothing"
    assert "LoRA rank 64 is greater than max_lora_rank 32" in str(caught.value)
    registry.promote(first, by=None)
    assert said_now() == FIRST


def test_adapters_in_memory_outlive_their_files(
    first: ModelVersion, register: Register, adapters: Adapters
) -> None:
    """Also where there are more than take part in one batch. Otherwise each is read again when it
    is asked, and vLLM ends when that fails."""
    registry.promote(first, by=None)
    for _ in range(4):
        other = register(adapters[1])
        vllm.load(other.name)
        assert said(other.name) == SECOND
    model_store.remove(first.name)
    assert said(first.name) == FIRST


# --- Readers and servers that go away ----------------------------------------------------------
async def test_reader_who_leaves_stops_the_server(server: VllmServer) -> None:
    before = server.metric("generation_tokens_total")
    async with aclosing(engines.rag("Which ports are open?", [ENDLESS])) as stream:
        async for delta in stream:
            if delta.text:
                break
    with timed("A reader leaves in mid-stream: no request runs"):
        until(lambda: server.metric("num_requests_running") == 0, within=10)
    assert server.metric("generation_tokens_total") - before < engines.MAX_ANSWER_TOKENS / 4


def test_killed_server_is_one_error_and_the_next_one_is_given_the_adapter(
    first: ModelVersion, server: VllmServer
) -> None:
    async def read_until_it_breaks_off() -> None:
        async for delta in engines.rag("Which ports are open?", [ENDLESS]):
            if delta.text:
                server.kill()

    registry.promote(first, by=None)
    killed = timed("The server is killed in mid-answer: the stream ends with an error")
    with killed, pytest.raises(ModelUnavailable):
        asyncio.run(read_until_it_breaks_off())
    with timed("A question while it is gone"), pytest.raises(ModelUnavailable):
        said_now()
    with timed("The server starts again, without adapters"):
        server.start()
    assert vllm.loaded() == {django_settings.LLM_MODEL}
    with timed("The first question loads the adapter and is answered"):
        assert said_now() == FIRST
