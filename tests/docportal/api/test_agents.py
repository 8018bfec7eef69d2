"""The tools for agents: with the protocol's own client, against the running web process."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from asgiref.sync import async_to_sync
from django.test import Client as Browser
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import INVALID_REQUEST, CallToolResult, JSONRPCError, TextContent
from pytest_django import Settings

from ingestion.models import Collection, DocumentVersion
from router.models import Query
from tests.docportal.api.callers import error_of, secret_of
from tests.docportal.api.conftest import QUESTION, SENTENCE
from tests.docportal.api.live import web_process
from tests.documents import passage, publish
from tests.people import People
from tests.scripted_llm import ScriptedLLM

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]


@asynccontextmanager
async def agent(url: str, secret: str, mode: str) -> AsyncIterator[Client]:
    """`mode` is the client's: by the handshake of older protocols, or as it finds out."""
    headers = {"Authorization": f"Bearer {secret}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


def told(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


def refused(result: CallToolResult) -> str:
    assert result.is_error
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def test_agent_searches_asks_and_reads(
    home: Path, people: People, sender: DocumentVersion, wiki: Collection, llm: ScriptedLLM
) -> None:
    publish(wiki, "ops/webhooks.md", [passage(f"Now: {SENTENCE}", "Delivery")], title="Webhooks")
    secret = secret_of(people.engineer, "read", "ask")
    reads_only = secret_of(people.engineer, "read")

    async def talk(url: str, mode: str) -> None:
        async with agent(url, secret, mode) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert tools == {"search", "ask", "read_document"}
            (hit,) = told(await client.call_tool("search", {"query": "webhook"}))["hits"]
            assert (hit["path"], hit["version"]) == ("ops/webhooks.md", 2)
            answer = told(await client.call_tool("ask", {"question": QUESTION}))
            assert (answer["answer"], answer["refused"]) == (SENTENCE, False)
            assert answer["citations"][0]["supports"]
            now = told(await client.call_tool("read_document", {"document": hit["document"]}))
            assert (now["version"], now["served"]) == (2, True)
            earlier = {"document": hit["document"], "version": 1}
            before = told(await client.call_tool("read_document", earlier))
            assert (before["version"], before["served"]) == (1, False)
            assert "It sends events." in before["text"]
            assert "Now:" not in before["text"]
            missing = await client.call_tool("read_document", {"document": "no-such"})
            assert "nothing here that you may read" in refused(missing)
            assert "empty" in refused(await client.call_tool("ask", {"question": " "}))
        async with agent(url, reads_only, mode) as client:
            assert "scope ask" in refused(await client.call_tool("ask", {"question": QUESTION}))

    with web_process(home) as url:
        for mode in ("auto", "legacy"):
            async_to_sync(talk)(url, mode)
    assert [query.user for query in Query.objects.all()] == [people.engineer] * 2


@pytest.mark.parametrize("header", [None, "Bearer dp_guessed"])
def test_nobody_is_let_in_without_a_token(people: People, header: str | None) -> None:
    browser = Browser(headers={"Authorization": header} if header else {})
    browser.force_login(people.engineer)
    response = browser.post("/mcp", {}, content_type="application/json")
    assert error_of(response) == (401, "not-authenticated")
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
def test_what_is_not_sent_as_json_is_refused_in_the_words_of_the_protocol(
    people: People, sent: str
) -> None:
    browser = Browser(headers={"Authorization": f"Bearer {secret_of(people.engineer)}"})
    ping = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    response = browser.post("/mcp", ping, content_type=sent, headers={"Accept": "application/json"})
    assert (response.status_code, response["Content-Type"]) == (415, "application/json")
    told = JSONRPCError.model_validate(response.json())
    assert (told.id, told.error.code) == (None, INVALID_REQUEST)
    assert "Content-Type: application/json" in told.error.message


def test_json_of_a_named_encoding_is_taken(people: People) -> None:
    sent = "application/json; charset=utf-8"
    browser = Browser(headers={"Authorization": f"Bearer {secret_of(people.engineer)}"})
    ping = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    headers = {"Accept": "application/json"}
    assert browser.post("/mcp", ping, content_type=sent, headers=headers).json()["result"] == {}


def test_there_is_no_stream_to_listen_to(people: People) -> None:
    browser = Browser(headers={"Authorization": f"Bearer {secret_of(people.engineer)}"})
    assert browser.get("/mcp").status_code == 405


def test_agent_that_calls_too_often_is_told_when_to_come_again(
    people: People, settings: Settings
) -> None:
    settings.API_RATE = 1
    browser = Browser(headers={"Authorization": f"Bearer {secret_of(people.engineer)}"})
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"Accept": "application/json, text/event-stream"}
    first = browser.post("/mcp", ping, content_type="application/json", headers=headers)
    assert first.json()["result"] == {}
    assert first["Content-Security-Policy"], "the portal's middleware holds here, too"
    again = browser.post("/mcp", ping, content_type="application/json", headers=headers)
    assert error_of(again) == (429, "too-often")


def test_wrong_host_is_turned_away(people: People) -> None:
    headers = {"Authorization": f"Bearer {secret_of(people.engineer)}", "Host": "evil.example"}
    response = Browser(headers=headers).post("/mcp", {}, content_type="application/json")
    assert response.status_code == 400
