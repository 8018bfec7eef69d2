"""Middleware and view of a request in one thread.

Django runs each middleware that may be asynchronous by itself, and its two halves in the request's
thread one at a time: a dozen changes between the loop and that thread. While other threads compute,
each waits for Python's lock. What stands around one that is not asynchronous stays in the thread.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase


class OneThreadMiddleware:
    """The innermost: all above it, up to the first that is asynchronous, is one call."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._handle = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._handle(request)
