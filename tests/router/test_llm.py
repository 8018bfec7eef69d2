import asyncio
import gc
import json
import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from pytest_django import Settings

from router.llm import ModelUnavailable, ModelUnknown, Piece, pieces
from router.prompts import Passage, reader_messages
from tests.scripted_llm import Reply, ScriptedLLM, says

pytestmark = pytest.mark.usefixtures("home")

MESSAGES = [{"role": "user", "content": "How many retries?"}]


def asked(llm: ScriptedLLM, model: str = "docportal-reader") -> AsyncGenerator[Piece]:
    return pieces(llm.url, model, MESSAGES, max_tokens=20)


async def whole(stream: AsyncGenerator[Piece]) -> str:
    return "".join([piece.text async for piece in stream])


async def test_without_any_server_the_model_is_unavailable() -> None:
    with pytest.raises(ModelUnavailable, match="No model server"):
        await whole(pieces(None, "docportal-reader", MESSAGES, max_tokens=20))


async def test_answers_stream_with_their_token_counts(llm: ScriptedLLM) -> None:
    llm.will_say("Nine", Reply(("Nine", " [1]")))
    await whole(asked(llm))
    told = [piece async for piece in asked(llm)]
    assert "".join(piece.text for piece in told) == "Nine [1]"
    assert [one.completion_tokens for one in told if one.completion_tokens] == [7]
    assert [one.model for one in told if one.text] == ["docportal-reader"] * 2
    assert sum(one.is_last for one in told) == 1
    request = llm.requests[0]
    assert (request["temperature"], request["stream"]) == (0, True)
    assert request["max_completion_tokens"] == 20


async def test_what_ends_a_line_in_unicode_ends_none_of_an_answer(llm: ScriptedLLM) -> None:
    text = "one\u2028two\u0085three\u000bfour\x1c"
    piece = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}
    event = json.dumps(piece, ensure_ascii=False).encode()
    llm.will_say(Reply((), raw=b"data: " + event + b"\r\n\r\ndata: [DONE]\r\n\r\n"))
    assert await whole(asked(llm)) == text


async def test_pieces_of_other_kinds_of_events_are_passed_over(llm: ScriptedLLM) -> None:
    end = {"choices": [{"index": 0, "delta": {"content": None}, "finish_reason": "stop"}]}
    more = b': alive\n\nevent: ping\nid: 3\n\ndata:{"choices": [{"delta": {"content": "9"}}]}\n\n'
    llm.will_say(Reply((), raw=more + b"data: " + json.dumps(end).encode() + b"\n\n"))
    assert await whole(asked(llm)) == "9"


@pytest.mark.parametrize("status", [400, 429, 500])
async def test_a_refusing_server_is_unavailable(llm: ScriptedLLM, status: int) -> None:
    llm.will_say(Reply((), status=status))
    with pytest.raises(ModelUnavailable, match=str(status)) as told:
        await whole(asked(llm))
    assert told.value.brief == f"It answered with status {status}."
    assert len(llm.requests) == 1, "it was asked again"


async def test_a_model_that_the_server_does_not_have_is_unknown(llm: ScriptedLLM) -> None:
    llm.adapters = {}
    with pytest.raises(ModelUnknown, match="does not exist") as told:
        await whole(asked(llm, "docs-v0007"))
    assert "docs-v0007" not in told.value.brief


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/v1", "http://[::1", "nowhere", "http://user:p@:99999/"]
)
async def test_a_server_that_is_not_there_is_unavailable(url: str) -> None:
    with pytest.raises(ModelUnavailable):
        await whole(pieces(url, "docportal-reader", MESSAGES, max_tokens=20))


async def test_a_slow_server_is_unavailable(settings: Settings) -> None:
    settings.LLM_TIMEOUT = 0.2
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(ModelUnavailable, match="ReadTimeout"):
            await whole(pieces(url, "docportal-reader", MESSAGES, max_tokens=20))


async def test_an_answer_without_its_end_is_broken_off(llm: ScriptedLLM) -> None:
    llm.will_say(Reply(("Nine", " retr"), breaks=True))
    with pytest.raises(ModelUnavailable):
        await whole(asked(llm))
    llm.will_say(Reply((), raw=b"data: [DONE]\n\n"))
    with pytest.raises(ModelUnavailable, match="broke off"):
        await whole(asked(llm))


async def test_leaving_a_stream_closes_the_connection_to_the_server(llm: ScriptedLLM) -> None:
    never = threading.Event()
    llm.will_say(Reply(("Nine", " retries"), release=never))
    stream = asked(llm)
    assert (await anext(stream)).text == "Nine"
    await stream.aclose()
    assert await asyncio.to_thread(llm.left.wait, 10)


async def test_a_stream_keeps_nothing_of_what_was_read(llm: ScriptedLLM) -> None:
    llm.will_say(says("Nine", " retries", " at", " most"))
    async with aclosing(asked(llm)) as stream:
        for _ in range(3):
            newest = await anext(stream)
        assert [one for one in gc.get_objects() if type(one) is Piece] == [newest]


@pytest.mark.models
async def test_the_real_reader_answers_from_the_right_passage(llm_server: str) -> None:
    passages = [
        Passage("Tidewatch", "Limits", "Tidewatch listens on port 7311 and stores 40 days."),
        Passage("Gullbridge", "Limits", "Gullbridge listens on port 8122 and stores 12 days."),
    ]
    messages = reader_messages("Which port does Gullbridge use?", passages)
    assert (
        await whole(pieces(llm_server, "docportal-reader", messages, max_tokens=20)) == "8122 [2]"
    )
