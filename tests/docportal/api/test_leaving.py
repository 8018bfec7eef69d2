"""A program that hangs up stops what is done for it, whichever door it came by."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingestion.models import DocumentVersion
from tests.docportal.api.callers import secret_of
from tests.docportal.api.conftest import QUESTION
from tests.docportal.api.live import web_process
from tests.people import People
from tests.scripted_llm import Reply, ScriptedLLM

pytestmark = pytest.mark.django_db(transaction=True)

TOOL = {"name": "ask", "arguments": {"question": QUESTION}}
DOORS: dict[str, dict[str, Any]] = {
    "/api/v1/ask": {"question": QUESTION},
    "/v1/chat/completions": {
        "model": "docportal",
        "messages": [{"role": "user", "content": QUESTION}],
    },
    "/mcp": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": TOOL},
}


def test_leaving_stops_the_model(
    home: Path, people: People, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    llm.will_say(Reply((), hangs=True))
    headers = {
        "Authorization": f"Bearer {secret_of(people.engineer)}",
        "Accept": "application/json, text/event-stream",
    }
    with web_process(home) as url:
        httpx.get(f"{url}/healthz", timeout=60)
        for path, body in DOORS.items():
            accept = {} if path == "/mcp" else {"Accept": "application/json"}
            asyncio.run(leave_once_asked(llm, f"{url}{path}", body, headers | accept))
            assert llm.left.wait(20), path
            llm.left.clear()


async def leave_once_asked(
    llm: ScriptedLLM, url: str, body: dict[str, Any], headers: dict[str, str]
) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        call = asyncio.create_task(client.post(url, json=body, headers=headers))
        assert await asyncio.to_thread(llm.asked.acquire, timeout=60), url
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
