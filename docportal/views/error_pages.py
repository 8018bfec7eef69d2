"""The pages of 400, 403, 404, 405 and 500, none of which leaves a connection to the database open.

Django makes them in a thread of the event loop that is not the request's. Who asks is read from the
database there, for the page's head, and the end of the request gives back the connection of the
request's own thread only: on PostgreSQL a handful of such pages would keep the whole pool.
"""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import ParamSpec

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.views import defaults
from django.views.csrf import csrf_failure

from docportal.views.access import notice

P = ParamSpec("P")

TOO_MUCH = (
    "This could not be understood, and nothing was changed. If you uploaded many files, send fewer "
    "at once, or a zip of the folder."
)
TOO_OLD = (
    "This page was open for too long, and nothing was changed. What you typed is still here: copy "
    "it, reload the page, and send it again."
)
FORM_ALONE = (
    "This address takes what a form sends. Nothing was changed: go to the page of the form, and "
    "send it again."
)
_FOR_PROGRAMS = ("/api/", "/v1/", "/mcp", "/metrics")


def _giving_back(page: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    @wraps(page)
    def made(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return page(*args, **kwargs)
        finally:
            if not connection.in_atomic_block:
                connection.close()

    return made


def _bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """To htmx a notice on the page, on which all stays."""
    if not request.headers.get("HX-Request"):
        return defaults.bad_request(request, exception)
    return notice(request, TOO_MUCH, status=400)


def _forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What comes without the token of this session: of a page from before a login, mostly."""
    if not request.headers.get("HX-Request"):
        return csrf_failure(request, reason)
    return notice(request, TOO_OLD, status=403)


bad_request = _giving_back(_bad_request)
permission_denied = _giving_back(defaults.permission_denied)
page_not_found = _giving_back(defaults.page_not_found)
server_error = _giving_back(defaults.server_error)
forged = _giving_back(_forged)


class FormsAloneMiddleware(MiddlewareMixin):
    """Says so where somebody opens an address that takes only what a form sends, as after a login
    or from the bar of the browser, which would show an empty page."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or request.method != "GET":
            return response
        if not request.accepts("text/html") or request.path.startswith(_FOR_PROGRAMS):
            return response
        context = {"title": "There is nothing to read here", "message": FORM_ALONE}
        page = render(request, "error.html", context, status=HTTPStatus.METHOD_NOT_ALLOWED)
        page["Allow"] = response["Allow"]
        return page
