"""The door for agents at `/mcp`: the Model Context Protocol over streamable HTTP, without sessions.

The protocol's server is an ASGI application. It is called from a view, so that all of the portal's
middleware holds for it as well, and lives for one request: each stands for itself.
"""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from ninja.errors import AuthenticationError

from docportal.api.access import Caller, TooOften, bearer, caller_of
from docportal.api.errors import refusal, refuse

Message = MutableMapping[str, Any]

JSON = "application/json"
# Of JSON-RPC: what was sent is no request.
INVALID_REQUEST = -32600


@csrf_exempt
@login_not_required
@require_POST
async def mcp(request: HttpRequest) -> HttpResponse:
    """Only a token is let in; its scopes are looked at by each tool."""
    try:
        caller = await sync_to_async(caller_of)(bearer(request))
    except TooOften as error:
        return refuse(request, refusal(error))
    if caller is None:
        return refuse(request, refusal(AuthenticationError()))
    if request.content_type != JSON:
        return _not_json()
    return await _passed_on(request, caller)


def _not_json() -> HttpResponse:
    """The protocol's server says so in plain text, which its clients do not expect."""
    message = f"Send a message of the protocol as JSON, with Content-Type: {JSON}."
    error = {"code": INVALID_REQUEST, "message": message}
    return JsonResponse({"jsonrpc": "2.0", "id": None, "error": error}, status=415)


async def _passed_on(request: HttpRequest, caller: Caller) -> HttpResponse:
    # Loaded at the first call: see there.
    from docportal.api.tools import CALLER, application

    served = application()
    exchange = _Exchange(request.body)
    async with served.router.lifespan_context(served):
        await served(_scope(request) | {CALLER: caller}, exchange.receive, exchange.send)
    return exchange.response()


def _scope(request: HttpRequest) -> dict[str, Any]:
    headers = [(k.lower().encode(), v.encode("latin-1")) for k, v in request.headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
    }


class _Exchange:
    """One request and its response, as an ASGI application meets them."""

    def __init__(self, body: bytes) -> None:
        self._incoming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self._status = 500
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()

    async def receive(self) -> Message:
        if not self._incoming:
            # A caller that leaves cancels the view, and so all that is done here.
            await asyncio.Event().wait()
        return self._incoming.pop()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], list(message["headers"])
        else:
            self._body += message.get("body", b"")

    def response(self) -> HttpResponse:
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in self._headers}
        return HttpResponse(bytes(self._body), status=self._status, headers=headers)
