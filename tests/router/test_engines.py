import asyncio
import threading
from contextlib import aclosing

import pytest
from pytest_django import Settings

from router import engines
from router.engines import Breaker, Delta, rag
from router.llm import ModelUnavailable
from router.prompts import Passage
from tests.scripted_llm import Reply, ScriptedLLM, says

PASSAGES = [Passage("Mail relay", "Limits", "It retries 9 times.")]


async def drafted() -> list[Delta]:
    return [delta async for delta in rag("How often does it retry?", PASSAGES)]


async def test_draft_streams_with_its_token_counts(llm: ScriptedLLM) -> None:
    llm.will_say(says("9 ", "times [1]"))
    deltas = await drafted()
    assert "".join(delta.text for delta in deltas) == "9 times [1]"
    assert sum(delta.prompt_tokens for delta in deltas) == 100
    assert sum(delta.completion_tokens for delta in deltas) == 7


async def test_model_reads_the_passages_and_answers_the_same_each_time(llm: ScriptedLLM) -> None:
    llm.will_say("9 times [1]")
    await drafted()
    request = llm.requests[0]
    assert request["temperature"] == 0
    assert request["max_completion_tokens"] == engines.MAX_ANSWER_TOKENS
    assert "It retries 9 times." in request["messages"][1]["content"]


async def test_first_piece_comes_before_the_server_has_finished(llm: ScriptedLLM) -> None:
    release = threading.Event()
    llm.will_say(Reply(("Nine", " times"), release=release))
    heard = []
    async with aclosing(rag("How often?", PASSAGES)) as stream:
        async for delta in stream:
            heard.append(delta.text)
            if delta.text == "Nine":
                release.set()
    assert "".join(heard) == "Nine times"


async def test_server_stops_when_nobody_listens_any_more(llm: ScriptedLLM) -> None:
    llm.will_say(Reply(("Nine", " times"), release=threading.Event()))
    async with aclosing(rag("How often?", PASSAGES)) as stream:
        async for delta in stream:
            if delta.text:
                break
    assert await asyncio.to_thread(llm.left.wait, 10)


@pytest.mark.parametrize(
    "reply",
    [Reply((), status=500), Reply((), status=404), Reply(("Nine",), breaks=True)],
    ids=["failing", "without the model", "breaking off"],
)
async def test_failure_of_the_server_is_one_error(llm: ScriptedLLM, reply: Reply) -> None:
    llm.will_say(reply)
    with pytest.raises(ModelUnavailable):
        await drafted()


async def test_server_that_is_not_there_is_the_same_error(settings: Settings) -> None:
    settings.LLM_URL = "http://127.0.0.1:9/v1"
    with pytest.raises(ModelUnavailable):
        await drafted()


async def test_whole_draft_has_one_time_limit(llm: ScriptedLLM, settings: Settings) -> None:
    settings.LLM_TIMEOUT = 0.3
    llm.will_say(Reply(("Nine", " times"), release=threading.Event()))
    with pytest.raises(ModelUnavailable, match="within"):
        await drafted()


async def test_questions_after_a_failure_do_not_ask_the_server(llm: ScriptedLLM) -> None:
    llm.will_say(Reply((), status=500))
    for _ in range(3):
        with pytest.raises(ModelUnavailable):
            await drafted()
    assert len(llm.requests) == 1


def test_breaker_lets_one_call_through_after_the_pause_and_opens_on_success() -> None:
    breaker = Breaker(seconds=3600)
    breaker.failed()
    assert not breaker.lets_through()
    breaker._closed_until = 0.0  # The pause is over.
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert breaker.lets_through()
