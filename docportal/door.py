"""Who asks while there is no room is turned away here, before Django is called: without a thread,
a session or the database. So is whoever sends more than is taken, which Django would keep first.

Each request to Django has a thread. Those that are turned away would stand in line with those that
are answered, for Python's lock and for the processor.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from asgiref.typing import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    HTTPResponseStartEvent,
    HTTPScope,
    Scope,
)
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse, parse_cookie
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve

from docportal import logs
from docportal.admission import BUSY, RETRY_SECONDS, Overloaded, answers
from docportal.api.errors import Refusal, as_body, as_openai_body, body_at, is_api, refusal
from docportal.headers import HeadersMiddleware

Body = list[ASGIReceiveEvent]


@dataclass(frozen=True, slots=True)
class Reply:
    """How a question to some address is turned away. `text` is made of the request's body."""

    content_type: str
    text: Callable[[bytes], str]


def _fragment(form: bytes) -> str:
    asked = parse_qs(form.decode("ascii", "replace"))
    (question, *_), (conversation, *_) = (asked.get(name, [""]) for name in ("q", "conversation"))
    context = {"q": question, "conversation": conversation, "error": BUSY, "is_busy": True}
    return render_to_string("ask.html#refused", context)


def _as(body: Callable[[Refusal], dict[str, Any]]) -> Callable[[bytes], str]:
    return lambda _: json.dumps(body(refusal(Overloaded())))


TOO_MUCH = (
    "This is more than the {} MB that may be sent at once, and nothing was changed. Send fewer "
    "files at once, or a zip of the folder."
)
TOO_MUCH_OF_A_STRANGER = "Send at most {} MB without a login or a token. Nothing was changed."

# A tool of an agent is not known by its address; it finds further in that there is no room.
REPLIES: Mapping[str, Reply] = {
    "/ask/": Reply("text/html; charset=utf-8", _fragment),
    "/api/v1/ask": Reply("application/json", _as(as_body)),
    "/v1/chat/completions": Reply("application/json", _as(as_openai_body)),
}


class Door:
    """Takes the place of a question before anything else is done for it, or answers 429; lets in as
    much of a body as may be sent, or answers 413.

    Nobody is asked for a name here: what a stranger learns is that the portal is busy, or how much
    it takes.
    """

    def __init__(self, application: ASGI3Application) -> None:
        self._application = application
        self._headers = _closed_to_other_sites()

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        counted = _Counted(receive, _most_of(scope))
        reply = _reply_to(scope)
        if reply is None:
            await self._application(scope, counted, send)
        else:
            await self._take(reply, scope, counted, send)
        if counted.is_over:
            await self._tell(scope, send, 413, *_too_much(scope))

    async def _take(
        self, reply: Reply, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        # First, as somebody who sends it slowly, and may be a stranger, has no place meanwhile.
        body = await _read(receive)
        once_more = _again(body, receive)
        if not _is_whole(body):
            await self._application(scope, once_more, send)
            return
        try:
            with answers.taken_early():
                await self._application(scope, once_more, send)
        except Overloaded:
            headers = {"Content-Type": reply.content_type, "Retry-After": str(RETRY_SECONDS)}
            await self._tell(scope, send, 429, reply.text(_bytes_of(body)), headers)

    async def _tell(
        self,
        scope: HTTPScope,
        send: ASGISendCallable,
        status: int,
        text: str,
        headers: Mapping[str, str],
    ) -> None:
        started = time.perf_counter()
        content = text.encode()
        with logs.request_named(_header(scope, logs.HEADER)) as request_id:
            all_headers = {
                **self._headers,
                **headers,
                "Content-Length": str(len(content)),
                logs.HEADER: request_id,
            }
            start: HTTPResponseStartEvent = {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (name.lower().encode(), value.encode()) for name, value in all_headers.items()
                ],
                "trailers": False,
            }
            await send(start)
            await send({"type": "http.response.body", "body": content, "more_body": False})
            logs.note(scope["method"], _view_of(scope["path"]), status, started)


class _Counted:
    """Receives a body until there is more of it than `most` bytes; then its sender seems to have
    left, upon which Django drops what it has and says nothing."""

    def __init__(self, receive: ASGIReceiveCallable, most: int) -> None:
        self._receive = receive
        self._left = most

    @property
    def is_over(self) -> bool:
        return self._left < 0

    async def __call__(self) -> ASGIReceiveEvent:
        event = await self._receive()
        if event["type"] == "http.request":
            self._left -= len(event["body"])
        return {"type": "http.disconnect"} if self.is_over else event


def _most_of(scope: HTTPScope) -> int:
    """Bytes of a body: those of a form, and of files where somebody says who they are. That is not
    looked up before all is there."""
    form: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    files: int = settings.UPLOAD_MAX_TOTAL_BYTES
    return form + files if _is_known(scope) else form


def _is_known(scope: HTTPScope) -> bool:
    cookies = parse_cookie(_header(scope, "Cookie"))
    return settings.SESSION_COOKIE_NAME in cookies or bool(_header(scope, "Authorization"))


def _too_much(scope: HTTPScope) -> tuple[str, Mapping[str, str]]:
    """In the form of the address: JSON, a notice on the page, or a page."""
    if _is_known(scope):
        message = TOO_MUCH.format(settings.UPLOAD_MAX_TOTAL_BYTES >> 20)
    else:
        message = TOO_MUCH_OF_A_STRANGER.format(settings.DATA_UPLOAD_MAX_MEMORY_SIZE >> 20)
    if is_api(scope["path"]):
        told = body_at(scope["path"], Refusal(413, "too-large", message))
        return json.dumps(told), {"Content-Type": "application/json"}
    context = {"title": "This is too much at once", "message": message}
    html = {"Content-Type": "text/html; charset=utf-8"}
    if _header(scope, "HX-Request") != "true":
        return render_to_string("error.html", context), html
    beside = {"HX-Retarget": "#notices", "HX-Reswap": "innerHTML"}
    return render_to_string("error.html#notice", context), html | beside


def _view_of(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""


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


async def _read(receive: ASGIReceiveCallable) -> Body:
    """The events of the body, to its end or to the length that Django refuses."""
    body: Body = []
    length = 0
    while not _is_whole(body) and length <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        event = await receive()
        body.append(event)
        if event["type"] != "http.request":
            break
        length += len(event["body"])
    return body


def _is_whole(body: Body) -> bool:
    return bool(body) and body[-1]["type"] == "http.request" and not body[-1]["more_body"]


def _bytes_of(body: Body) -> bytes:
    return b"".join(event["body"] for event in body if event["type"] == "http.request")


def _again(body: Body, receive: ASGIReceiveCallable) -> ASGIReceiveCallable:
    """Gives the events once more, and then those that follow."""
    following = iter(body)

    async def received() -> ASGIReceiveEvent:
        event = next(following, None)
        return await receive() if event is None else event

    return received


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
