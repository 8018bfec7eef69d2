"""What a browser may do with a page beyond its policy for content, which django-csp sends."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

HEADERS = {
    # Nothing of the portal uses any of these.
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
    # No other site may take in what it answers, a download or a plot as little as a page.
    "Cross-Origin-Resource-Policy": "same-origin",
}
Handler = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class HeadersMiddleware:
    sync_capable = async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self._handle: Any = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return self._later(request) if self._is_async else _with_headers(self._handle(request))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        return _with_headers(await self._handle(request))


def _with_headers(response: HttpResponseBase) -> HttpResponseBase:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
