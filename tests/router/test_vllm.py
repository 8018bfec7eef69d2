"""Adapters on a company's server, which is vLLM's protocol played by a script."""

import asyncio

import pytest
from pytest_django import Settings

from ingestion.errors import UserError
from router import model_store, registry, tuned, vllm
from router.engines import rag
from router.engines import tuned as ask_tuned
from router.llm import ModelUnavailable
from router.models import ModelVersion
from router.prompts import Passage
from router.tuned import ServedModel
from tests.model_files import Workshop
from tests.scripted_llm import ScriptedLLM

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture(autouse=True)
def with_adapters(llm: ScriptedLLM) -> None:
    llm.adapters = {}
    llm.will_say("9 times")


def said(question: str, served: ServedModel) -> str:
    async def collect() -> str:
        return "".join([delta.text async for delta in ask_tuned(question, served)])

    return asyncio.run(collect())


def test_adapter_is_loaded_once_under_its_name_and_never_in_place(
    workshop: Workshop, llm: ScriptedLLM
) -> None:
    model = workshop.candidate(merged=None)
    for _ in range(2):
        vllm.load(model.name)
    assert llm.loads[0] == {
        "lora_name": "docs-v0001",
        "lora_path": str(model_store.adapter_folder("docs-v0001")),
    }
    assert vllm.loaded() == {"docportal-reader", "docs-v0001"}
    for _ in range(2):
        vllm.unload(model.name)
    assert vllm.loaded() == {"docportal-reader"}


def test_folder_is_named_as_the_server_sees_it(llm: ScriptedLLM, settings: Settings) -> None:
    settings.VLLM_ADAPTERS_DIR = "/adapters"
    with pytest.raises(vllm.AdapterRefused, match="404"):
        vllm.load("docs-v0001")
    assert llm.loads[0]["lora_path"] == "/adapters/docs-v0001"


def test_name_of_an_adapter_that_somebody_else_has_loaded_is_refused(
    workshop: Workshop, llm: ScriptedLLM
) -> None:
    model = workshop.candidate(merged=None)
    llm.adapters = {model.name: "/elsewhere/adapters/docs-v0001"}
    with pytest.raises(UserError, match="that in /elsewhere/adapters") as caught:
        registry.promote(model, by=None)
    assert caught.value.id == "not-loaded"
    assert llm.adapters == {model.name: "/elsewhere/adapters/docs-v0001"}


def test_server_that_is_not_there_refuses(settings: Settings) -> None:
    settings.LLM_URL = "http://127.0.0.1:9/v1"
    for act in (vllm.load, vllm.unload):
        with pytest.raises(vllm.AdapterRefused, match="does not answer"):
            act("docs-v0001")
    assert vllm.loaded() == set()


def test_new_model_says_something_under_a_name_that_is_used_once(
    workshop: Workshop, llm: ScriptedLLM
) -> None:
    workshop.candidate(merged=None, smoke=True)
    assert llm.loads[0]["lora_name"].startswith("smoke-")
    assert llm.requests[0]["model"] == llm.loads[0]["lora_name"]
    assert llm.adapters == {}


def test_new_model_that_says_nothing_gets_no_name(workshop: Workshop, llm: ScriptedLLM) -> None:
    llm.will_say("  ")
    with pytest.raises(UserError, match="its answer is empty") as caught:
        workshop.candidate(merged=None, smoke=True)
    assert caught.value.id == "says-nothing"
    assert llm.adapters == {}
    assert not ModelVersion.objects.exists()
    assert not model_store.adapter_folder("docs-v0001").exists()


def test_promotion_loads_the_adapter_before_anybody_is_sent_there(
    workshop: Workshop, llm: ScriptedLLM
) -> None:
    registry.promote(workshop.candidate(merged=None), by=None)
    assert list(llm.adapters or {}) == ["docs-v0001"]
    assert tuned.ready_models() == ["docs-v0001"]


def test_promotion_that_the_server_refuses_changes_nothing(
    workshop: Workshop, settings: Settings
) -> None:
    model = workshop.candidate(merged=None)
    settings.VLLM_ADAPTERS_DIR = "/nowhere"
    with pytest.raises(UserError, match="Nothing was changed") as caught:
        registry.promote(model, by=None)
    assert caught.value.id == "not-loaded"
    assert not ModelVersion.objects.filter(stage="serving").exists()


def test_restarted_server_is_given_the_adapter_again_and_the_question_is_answered(
    workshop: Workshop, llm: ScriptedLLM
) -> None:
    registry.promote(workshop.candidate(merged=None), by=None)
    llm.adapters = {}
    served = tuned.answering(None)
    assert served is not None
    assert said("How often?", served) == "9 times"
    assert [request["model"] for request in llm.requests] == ["docs-v0001"] * 2
    assert list(llm.adapters) == ["docs-v0001"]


def test_adapter_that_is_gone_for_good_is_a_model_that_does_not_answer(llm: ScriptedLLM) -> None:
    with pytest.raises(ModelUnavailable, match="404"):
        said("How often?", ServedModel("docs-v0009", llm.url))
    assert len(llm.loads) == 1


def test_adapter_that_fails_does_not_keep_questions_from_the_reader(llm: ScriptedLLM) -> None:
    with pytest.raises(ModelUnavailable):
        said("How often?", ServedModel("docs-v0009", llm.url))

    async def read() -> str:
        passages = [Passage("Mail", "", "It retries 9 times.")]
        return "".join([delta.text async for delta in rag("How often?", passages)])

    assert asyncio.run(read()) == "9 times"


def test_pruned_adapter_is_unloaded(workshop: Workshop, llm: ScriptedLLM) -> None:
    for _ in range(3):
        registry.promote(workshop.candidate(merged=None), by=None)
    assert registry.prune(keep=0) == ["docs-v0001"]
    assert list(llm.adapters or {}) == ["docs-v0002", "docs-v0003"]
