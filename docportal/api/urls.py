"""Where programs knock. They are let in by `docportal.api.access`, not by the login page."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.csrf import csrf_exempt

from docportal.api.agents import mcp
from docportal.api.chat import api as chat
from docportal.api.errors import refusal, refuse
from docportal.api.rest import api as rest


@csrf_exempt
def nothing(request: HttpRequest, **_: str) -> HttpResponse:
    """A program reads JSON, also where there is no operation."""
    return refuse(request, refusal(Http404()))


def _open(urls: tuple[list[Any], str, str]) -> tuple[list[URLPattern | URLResolver], str, str]:
    patterns, app, namespace = urls
    every = [*patterns, path("<path:rest>", nothing)]
    for pattern in every:
        login_not_required(pattern.callback)
    return every, app, namespace


api = [
    path("api/v1/", _open(rest.urls)),
    path("v1/", _open(chat.urls)),
    path("mcp", mcp, name="mcp"),
]
