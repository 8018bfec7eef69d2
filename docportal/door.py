"""Who asks while there is no room is turned away here, before Django is called: without a thread,
a session or the database.

Each request to Django has a thread. Those that are turned away would stand in line with those that
are answered, for Python's lock and for the processor.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from asgiref.typing import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPResponseStartEvent,
    HTTPScope,
    Scope,
)
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.template.loader import render_to_string
from django.urls import resolve

from docportal import logs
from docportal.admission import BUSY, RETRY_SECONDS, Overloaded, answers
from docportal.headers import HeadersMiddleware

# More than a question may have in any encoding of a form.
READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Reply:
    """How a question to some address is turned away. `text` is made of the request's body."""

    content_type: str
    text: Callable[[bytes], str]


def _fragment(form: bytes) -> str:
    (question, *_) = parse_qs(form.decode("ascii", "replace")).get("q", [""])
    return render_to_string("ask.html#refused", {"q": question, "error": BUSY})


def _body(_: bytes) -> str:
    return json.dumps({"error": {"id": "busy", "message": BUSY}})


def _openai_body(_: bytes) -> str:
    error = {"message": BUSY, "type": "rate_limit_error", "param": None, "code": "busy"}
    return json.dumps({"error": error})


# A tool of an agent is not known by its address; it finds further in that there is no room.
REPLIES: Mapping[str, Reply] = {
    "/ask/": Reply("text/html; charset=utf-8", _fragment),
    "/api/v1/ask": Reply("application/json", _body),
    "/v1/chat/completions": Reply("application/json", _openai_body),
}


class Door:
    """Takes the place of a question before anything else is done for it, or answers 429.

    Nobody is asked for a name here: what a stranger learns is that the portal is busy.
    """

    def __init__(self, application: ASGI3Application) -> None:
        self._application = application
        self._headers = _closed_to_other_sites()

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        reply = _reply_to(scope) if scope["type"] == "http" else None
        if scope["type"] != "http" or reply is None:
            await self._application(scope, receive, send)
            return
        try:
            with answers.taken_early():
                await self._application(scope, receive, send)
        except Overloaded:
            await self._turn_away(reply, scope, receive, send)

    async def _turn_away(
        self, reply: Reply, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        started = time.perf_counter()
        content = reply.text(await _body_of(receive)).encode()
        given = _header(scope, logs.HEADER)
        with logs.request_named(given) as request_id:
            headers = {
                **self._headers,
                "Content-Type": reply.content_type,
                "Content-Length": str(len(content)),
                "Retry-After": str(RETRY_SECONDS),
                logs.HEADER: request_id,
            }
            start: HTTPResponseStartEvent = {
                "type": "http.response.start",
                "status": 429,
                "headers": [
                    (name.lower().encode(), value.encode()) for name, value in headers.items()
                ],
                "trailers": False,
            }
            await send(start)
            await send({"type": "http.response.body", "body": content, "more_body": False})
            logs.note("POST", resolve(scope["path"]).view_name, 429, started)


def _reply_to(scope: HTTPScope) -> Reply | None:
    """None: this is no question, or a whole page is wanted, with the name of whoever asks."""
    if scope["method"] != "POST":
        return None
    reply = REPLIES.get(scope["path"])
    if reply is not None and reply.text is _fragment and _header(scope, "HX-Request") != "true":
        return None
    return reply


def _header(scope: HTTPScope, name: str) -> str:
    wanted = name.lower().encode()
    found = (value for given, value in scope["headers"] if given.lower() == wanted)
    return next(found, b"").decode("latin-1")


async def _body_of(receive: ASGIReceiveCallable) -> bytes:
    """No more of it than a question may have."""
    body = b""
    while len(body) <= READ_BYTES:
        event = await receive()
        if event["type"] != "http.request":
            break
        body += event["body"]
        if not event["more_body"]:
            break
    return body[:READ_BYTES]


def _closed_to_other_sites() -> Mapping[str, str]:
    """The headers that every response has. They come of the settings alone."""
    request, response = HttpRequest(), HttpResponse()
    for middleware in (
        SecurityMiddleware,
        HeadersMiddleware,
        CSPMiddleware,
        XFrameOptionsMiddleware,
    ):
        middleware(lambda _: response).process_response(request, response)
    return {name: value for name, value in response.headers.items() if name != "Content-Type"}
