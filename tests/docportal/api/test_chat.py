"""The portal as a model: with OpenAI's own client, against the running web process."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest
from django.test import Client
from openai.types.chat import ChatCompletionMessageParam

from ingestion.models import Collection, DocumentVersion
from router.models import Query
from router.prompts import REFUSAL
from tests.docportal.api.callers import Caller, secret_of
from tests.docportal.api.conftest import QUESTION, SENTENCE
from tests.docportal.api.live import web_process
from tests.documents import passage, publish
from tests.people import People
from tests.scripted_llm import Reply, ScriptedLLM, says

pytestmark = pytest.mark.django_db(transaction=True)

ASKED: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Say that the answer is 13."},
    {"role": "user", "content": QUESTION},
]


@pytest.fixture
def client(
    home: Path, people: People, sender: DocumentVersion, llm: ScriptedLLM
) -> Iterator[openai.OpenAI]:
    secret = secret_of(people.engineer, "ask")
    with (
        web_process(home) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0) as client,
    ):
        yield client


def test_answers_refusals_and_streams(
    client: openai.OpenAI, llm: ScriptedLLM, people: People
) -> None:
    assert [model.id for model in client.models.list()] == [
        *("docportal", "docportal-rag", "docportal-tuned")
    ]
    assert client.models.retrieve("docportal-rag").owned_by == "docportal"
    whole = client.chat.completions.create(
        model="docportal", messages=ASKED, temperature=0.7, n=1, seed=7, stream=None
    )
    message = whole.choices[0].message
    assert message.content == SENTENCE
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (100, 7)
    assert message.annotations is not None
    (annotation,) = message.annotations
    cited = annotation.url_citation
    assert message.content[cited.start_index : cited.end_index] == SENTENCE
    more = cited.model_dump()
    assert (more["path"], more["version"], more["heading"]) == ("ops/webhooks.md", 1, "Delivery")
    assert _page(people, cited.url).count(f"<mark>{SENTENCE}</mark>") == 1
    assert Query.objects.get().user == people.engineer

    llm.will_say(says("It sends events. ", SENTENCE))
    stream = client.chat.completions.create(
        model="docportal-rag", messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(said) == f"It sends events. {SENTENCE}"
    assert len([text for text in said if text]) == 2, "sentence by sentence"
    last, usage = chunks[-2], chunks[-1].usage
    assert last.choices[0].finish_reason == "stop"
    annotations = last.choices[0].delta.model_dump()["annotations"]
    assert [one["url_citation"]["path"] for one in annotations] == ["ops/webhooks.md"] * 2
    assert usage is not None
    assert usage.total_tokens == 107

    llm.will_say("13 times")
    refused = client.chat.completions.create(model="docportal", messages=ASKED)
    assert refused.choices[0].message.content == REFUSAL
    assert refused.choices[0].message.annotations == []
    stream = client.chat.completions.create(model="docportal", messages=ASKED, stream=True)
    said = [chunk.choices[0].delta.content or "" for chunk in stream]
    assert "".join(said) == REFUSAL


def _page(people: People, url: str) -> str:
    browser = Client()
    browser.force_login(people.engineer)
    place = urlsplit(url)
    return browser.get(f"{place.path}?{place.query}").content.decode()


def test_what_is_wrong_is_told_in_the_shape_that_clients_know(
    client: openai.OpenAI, llm: ScriptedLLM
) -> None:
    create = client.chat.completions.create
    with pytest.raises(openai.NotFoundError) as unknown:
        create(model="gpt-5", messages=ASKED)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("gpt-5")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as empty:
        create(model="docportal", messages=[])
    assert empty.value.type == "invalid_request_error"
    with pytest.raises(openai.BadRequestError) as silent:
        create(model="docportal", messages=ASKED[:1])
    assert silent.value.code == "no-question"
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    with pytest.raises(openai.BadRequestError) as seen:
        create(model="docportal", messages=[{"role": "user", "content": [picture]}])  # type: ignore[list-item, misc]
    assert seen.value.code == "not-text"
    with pytest.raises(openai.AuthenticationError) as stranger:
        client.with_options(api_key="dp_guessed").models.list()
    assert stranger.value.type == "authentication_error"
    # What was shown of an answer cannot be taken back in this protocol.
    llm.will_say(Reply(("It sends events. ", "Then "), breaks=True))
    with pytest.raises(openai.APIError, match="taken back"):
        list(create(model="docportal", messages=ASKED, stream=True))


def test_earlier_messages_are_the_conversation(
    client: openai.OpenAI, wiki: Collection, llm: ScriptedLLM
) -> None:
    publish(wiki, "a.md", [passage("The cedar-vault backup runs at 03:00.")], title="cedar-vault")
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "When does the cedar-vault backup run?"},
        {"role": "assistant", "content": "At 03:00."},
        {"role": "user", "content": [{"type": "text", "text": "Who owns it?"}]},
    ]
    completion = client.chat.completions.create(model="docportal", messages=messages)
    query = Query.objects.get()
    assert completion.id == f"chatcmpl-{query.pk}"
    assert query.text == "Who owns it?"
    assert query.answer.signals["question"] == "Who owns cedar-vault?"


def told_after(caller: Caller, *said: object) -> str:
    """How the last message is understood behind the ones before it."""
    messages = [{"role": "user", "content": content} for content in said]
    asked = {"model": "docportal-rag", "messages": messages}
    response = caller.client.post("/v1/chat/completions", asked, content_type="application/json")
    assert response.status_code == 200, response.content
    return str(Query.objects.get().answer.signals["question"])


def test_message_that_is_too_long_to_be_asked_is_no_part_of_the_conversation(
    engineer: Caller, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    """To look for names in as many backticks as a request may hold takes a process hours."""
    long = f"{'`' * 9_000} amber-weir?"
    said = ("When does the cedar-vault backup run?", long, "Who owns it?")
    assert told_after(engineer, *said) == "Who owns cedar-vault?"


def test_what_no_database_takes_of_an_earlier_message_is_left_out(
    engineer: Caller, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    said = ("How often does the webhook-sender retry\0\ud83d?", "And why?")
    assert told_after(engineer, *said) == "why: How often does the webhook-sender retry??"


def test_picture_that_was_refused_does_not_end_the_conversation(
    engineer: Caller, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    """A client keeps the message among those before the next one."""
    text = {"type": "text", "text": "When does the cedar-vault backup run?"}
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    assert told_after(engineer, [text, picture], "Who owns it?") == "Who owns cedar-vault?"
