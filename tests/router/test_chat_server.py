"""The server of chat models: a real process and a real, tiny model; and its thread by itself."""

import math
import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import NotFoundError, OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionPredictionContentParam

from router.chat_model import (
    MAX_TOKENS,
    MOST_TOKENS_UNDER_WAY,
    MOST_UNDER_WAY,
    TOGETHER,
    ChatModel,
    Turn,
    Waiting,
)
from router.chat_server import application
from router.decoding import Written
from router.processes import spawn_tuned
from router.prompts import Passage, reader_messages, tuned_messages
from tests.tiny_models import TinyVersion

LONG = 60.0
QUESTIONS = [f"Which port does gate {number} use?" for number in range(12)]


# --- The process -------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def merged(tiny_versions: list[TinyVersion]) -> Path:
    return tiny_versions[0].merged


@pytest.fixture(scope="module")
def url(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("chat") / "server.log"
    server = spawn_tuned(merged.name, log, folder=merged.parent).wait()
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def client(url: str) -> OpenAI:
    return OpenAI(base_url=url, api_key="none", timeout=LONG, max_retries=0)


def messages(text: str) -> list[ChatCompletionMessageParam]:
    return [
        {"role": "system", "content": tuned_messages(text)[0]["content"]},
        {"role": "user", "content": text},
    ]


def said(client: OpenAI, model: str, text: str, **more: Any) -> tuple[str, int]:
    """The answer and the tokens that it has."""
    reply = client.chat.completions.create(
        model=model, messages=messages(text), max_tokens=9, temperature=0, **more
    )
    assert reply.usage is not None
    return reply.choices[0].message.content or "", reply.usage.completion_tokens


@pytest.mark.models
def test_a_prediction_changes_neither_words_nor_counts(client: OpenAI, merged: Path) -> None:
    plain = said(client, merged.name, QUESTIONS[0])
    assert plain[0]
    for content in (plain[0], plain[0][:5], "nothing of the kind", ""):
        prediction: ChatCompletionPredictionContentParam = {"type": "content", "content": content}
        assert said(client, merged.name, QUESTIONS[0], prediction=prediction) == plain
    parts = [{"type": "text", "text": text} for text in (plain[0][:5], "nothing", plain[0])]
    several = {"type": "content", "content": parts}
    assert said(client, merged.name, QUESTIONS[0], prediction=several) == plain


@pytest.mark.models
def test_a_stream_gives_the_same_text_and_ends_with_its_counts(
    client: OpenAI, merged: Path
) -> None:
    text, tokens = said(client, merged.name, QUESTIONS[1])
    chunks = list(
        client.chat.completions.create(
            model=merged.name,
            messages=messages(QUESTIONS[1]),
            max_tokens=9,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == text
    assert len(pieces) > 2
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert (set(reasons[:-1]) - {"length"}, reasons[-1]) == ({None}, "length")
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.completion_tokens == tokens == 9
    assert {chunk.model for chunk in chunks} == {merged.name}


@pytest.mark.models
def test_who_asks_together_gets_what_he_gets_alone(client: OpenAI, merged: Path) -> None:
    alone = [said(client, merged.name, text) for text in QUESTIONS]
    assert len(set(alone)) > 1
    with ThreadPoolExecutor(len(QUESTIONS)) as people:
        assert list(people.map(lambda text: said(client, merged.name, text), QUESTIONS)) == alone


@pytest.mark.models
def test_a_prompt_that_begins_otherwise_is_answered_from_all_of_it(
    client: OpenAI, merged: Path
) -> None:
    reply = client.chat.completions.create(
        model=merged.name, messages=[{"role": "user", "content": QUESTIONS[0]}], max_tokens=9
    )
    assert reply.usage is not None
    assert reply.usage.prompt_tokens < len(tuned_messages("")[0]["content"])
    assert reply.choices[0].finish_reason == "length"


@pytest.mark.models
def test_how_sure_it_is_comes_with_each_token_when_that_is_asked(
    client: OpenAI, merged: Path
) -> None:
    asked = messages(QUESTIONS[2])
    create = client.chat.completions.create
    whole = create(model=merged.name, messages=asked, max_tokens=9, logprobs=True)
    told = whole.choices[0].logprobs
    assert told is not None
    assert told.content is not None
    assert len(told.content) == 9
    assert all(one.logprob < 0 for one in told.content)
    chunks = create(model=merged.name, messages=asked, max_tokens=9, logprobs=True, stream=True)
    streamed = [
        one
        for chunk in chunks
        for choice in chunk.choices
        for one in (choice.logprobs and choice.logprobs.content) or []
    ]
    assert [one.token for one in streamed] == [one.token for one in told.content]
    assert math.fsum(one.logprob for one in streamed) == pytest.approx(
        math.fsum(one.logprob for one in told.content), abs=1e-3
    )
    untold = create(model=merged.name, messages=asked, max_tokens=9)
    assert untold.choices[0].logprobs is None


@pytest.mark.models
def test_what_it_cannot_do_is_refused_in_words(url: str, client: OpenAI, merged: Path) -> None:
    with pytest.raises(NotFoundError, match=f"This server runs {merged.name}, not another"):
        said(client, "another", QUESTIONS[0])
    asked = {"model": merged.name, "messages": messages(QUESTIONS[0])}
    for change, told in (
        ({"temperature": 1}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": messages("port " * MAX_TOKENS)}, f"{MAX_TOKENS} is the limit"),
    ):
        reply = httpx.post(f"{url}/chat/completions", json=asked | change, timeout=LONG)
        assert (reply.status_code, told in reply.json()["error"]["message"]) == (400, True)


# --- Its thread --------------------------------------------------------------------------------
@pytest.fixture
def chat(merged: Path) -> ChatModel:
    return ChatModel(merged, "float32")


Told = queue.Queue[Written | None]


def turn(chat: ChatModel, limit: int, text: str = "How?") -> tuple[Turn, Told]:
    told: Told = queue.Queue()
    return Turn(chat.prompt_of(tuned_messages(text)), [], limit, told.put), told


def tokens_of(told: Told, count: int) -> list[int]:
    """The next so many."""
    found: list[int] = []
    while len(found) < count:
        written = told.get(timeout=LONG)
        assert written is not None
        found += written.tokens
    return found


def test_nothing_more_is_written_for_who_has_left(chat: ChatModel) -> None:
    leaver, told = turn(chat, 900)
    chat.write(leaver)
    assert told.get(timeout=LONG)
    leaver.left = True
    written = leaver.written
    other, others = turn(chat, 30)
    chat.write(other)
    for _ in range(30):
        assert others.get(timeout=LONG)
    # A step may have been under way.
    assert leaver.written <= written + 1


def test_who_finds_no_room_is_answered_later(chat: ChatModel) -> None:
    turns = [turn(chat, 5) for _ in range(MOST_UNDER_WAY + TOGETHER + 1)]
    for one, _ in turns:
        chat.write(one)
    for _, told in turns:
        assert len(tokens_of(told, 5)) == 5


def test_long_prompts_wait_for_those_that_fill_the_memory(chat: ChatModel) -> None:
    short, shorts = turn(chat, 5)
    alone = tokens_of(_asked(chat, short, shorts), 5)
    turns = [turn(chat, MAX_TOKENS - 2_000, "port " * 1_000) for _ in range(3)]
    assert sum(one.room for one, _ in turns) > MOST_TOKENS_UNDER_WAY
    for one, _ in turns:
        chat.write(one)
    last, lasts = turn(chat, 5)
    chat.write(last)
    for _, told in turns[:2]:
        assert tokens_of(told, 1)
    assert turns[2][1].empty()
    assert lasts.empty(), "it came before one that was there first"
    turns[0][0].left = True
    assert tokens_of(turns[2][1], 1)
    assert tokens_of(lasts, 5) == alone
    for one, _ in turns:
        one.left = True


def test_batch_with_a_long_prompt_takes_no_more_memory_than_there_is() -> None:
    """Its rows are all as long as the longest."""
    waiting = Waiting()
    rooms = [7_000, *[100] * 6, 12_000, *[500] * 9]
    turns = [Turn([0] * (room - 10), [], 10, print) for room in rooms]
    for one in turns:
        waiting.put(one)
    batches: list[list[Turn]] = []
    while sum(map(len, batches)) < len(turns):
        batches.append(waiting.taken(0, 0))
        assert len(batches[-1]) * max(one.room for one in batches[-1]) <= MOST_TOKENS_UNDER_WAY
    assert [one for batch in batches for one in batch] == turns
    assert max(map(len, batches)) == TOGETHER


def _asked(chat: ChatModel, one: Turn, told: Told) -> Told:
    chat.write(one)
    return told


def test_words_that_all_prompts_of_a_kind_begin_with_are_read_once(chat: ChatModel) -> None:
    passages = [Passage("Gates", "Night", "Gate 7 listens on port 7311.")]
    prompts = [
        chat.prompt_of(tuned_messages("Which port?")),
        chat.prompt_of(reader_messages("Which port?", passages)),
        chat.prompt_of([{"role": "user", "content": "Which port?"}]),
    ]
    read = [
        max(len(one.tokens) for one in chat._beginnings if one.is_of(prompt)) for prompt in prompts
    ]
    assert all(count > 30 for count in read[:2])
    assert read[2] == 0


async def test_a_model_that_fails_says_so_and_is_not_well(chat: ChatModel) -> None:
    app = application(chat, announce=None, url="")
    request = {"model": chat.name, "messages": tuned_messages("How?"), "max_tokens": 2}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://chat") as asker:
        assert (await asker.get("/health")).status_code == 200
        assert (await asker.post("/v1/chat/completions", json=request)).status_code == 200
        del chat._model.model.norm
        for _ in range(2):
            reply = await asker.post("/v1/chat/completions", json=request)
            assert (reply.status_code, reply.json()["error"]["message"]) == (
                503,
                "The model cannot be computed any more.",
            )
        assert (await asker.get("/health")).status_code == 503
