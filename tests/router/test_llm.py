import asyncio
import socket
import threading
import weakref

import pytest
from pytest_django import Settings

from router.llm import ModelUnavailable, chat_model, model_errors, pieces
from router.prompts import Passage, reader_messages
from tests.scripted_llm import Reply, ScriptedLLM

pytestmark = pytest.mark.usefixtures("home")

MESSAGES = [{"role": "user", "content": "How many retries?"}]


def test_without_any_server_the_model_is_unavailable() -> None:
    with pytest.raises(ModelUnavailable):
        chat_model()


def test_answers_stream_with_their_token_counts(llm: ScriptedLLM) -> None:
    llm.will_say(Reply(("Nine", " [1]")))
    pieces = list(chat_model(max_tokens=20).stream(MESSAGES))
    assert "".join(str(piece.content) for piece in pieces) == "Nine [1]"
    counts = [piece.usage_metadata for piece in pieces if piece.usage_metadata]
    assert [count["output_tokens"] for count in counts] == [7]
    request = llm.requests[0]
    assert (request["temperature"], request["stream"]) == (0, True)


@pytest.mark.parametrize("reply", [Reply((), status=500), Reply((), status=429)])
def test_a_refusing_server_is_unavailable(llm: ScriptedLLM, reply: Reply) -> None:
    llm.will_say(reply)
    with pytest.raises(ModelUnavailable), model_errors():
        list(chat_model().stream(MESSAGES))
    assert len(llm.requests) == 1, "it was asked again"


def test_a_server_that_is_not_there_is_unavailable(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        settings.LLM_URL = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
    with pytest.raises(ModelUnavailable), model_errors():
        list(chat_model().stream(MESSAGES))


def test_a_slow_server_is_unavailable(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.LLM_URL = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(ModelUnavailable), model_errors():
            list(chat_model(timeout=0.2).stream(MESSAGES))


async def test_leaving_a_stream_closes_the_connection_to_the_server(llm: ScriptedLLM) -> None:
    never = threading.Event()
    llm.will_say(Reply(("Nine", " retries"), release=never))
    stream = chat_model().astream(MESSAGES)
    assert (await anext(stream)).content == "Nine"
    await stream.aclose()  # type: ignore[attr-defined]
    assert await asyncio.to_thread(llm.left.wait, 10)


async def test_a_stream_keeps_nothing_of_what_was_read(llm: ScriptedLLM) -> None:
    llm.will_say(Reply(("Nine", " retries", " at", " most")))
    stream = pieces(chat_model(), MESSAGES)
    kept = [weakref.ref((await anext(stream)).message) for _ in range(3)]
    assert [one() for one in kept[:2]] == [None, None]


@pytest.mark.models
def test_the_real_reader_answers_from_the_right_passage(
    settings: Settings, llm_server: str
) -> None:
    settings.LLM_URL = llm_server
    passages = [
        Passage("Tidewatch", "Limits", "Tidewatch listens on port 7311 and stores 40 days."),
        Passage("Gullbridge", "Limits", "Gullbridge listens on port 8122 and stores 12 days."),
    ]
    reply = chat_model().invoke(reader_messages("Which port does Gullbridge use?", passages))
    assert reply.content == "8122 [2]"
