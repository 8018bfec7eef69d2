"""The pages of 400, 403, 404, 405 and 500, none of which leaves a connection to the database open.
A program is told in JSON instead.

Django makes them in a thread of the event loop that is not the request's. Who asks is read from the
database there, for the page's head, and the end of the request gives back the connection of the
request's own thread only: on PostgreSQL a handful of such pages would keep the whole pool.
"""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import ParamSpec

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.views import defaults
from django.views.csrf import csrf_failure

from docportal.api.errors import BROKEN, Refusal, is_api, refusal, refuse
from docportal.views.access import notice
from ingestion.connections import release_connection

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
_NOT_UNDERSTOOD = Refusal(400, "bad-request", "This could not be understood. Nothing was changed.")
_TOO_LARGE = Refusal(
    413,
    "too-large",
    f"Send at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE >> 20} MB, files of an upload apart.",
)
_WRONG_METHOD = Refusal(405, "wrong-method", "This address takes other methods: see Allow.")


def _giving_back(page: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    @wraps(page)
    def made(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return page(*args, **kwargs)
        finally:
            release_connection()

    return made


def _bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """To htmx a notice on the page, on which all stays."""
    if is_api(request.path_info):
        is_large = isinstance(exception, RequestDataTooBig)
        return refuse(request, _TOO_LARGE if is_large else _NOT_UNDERSTOOD)
    if not request.headers.get("HX-Request"):
        return defaults.bad_request(request, exception)
    return notice(request, TOO_MUCH, status=400)


def _forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What comes without the token of this session: of a page from before a login, mostly."""
    if not request.headers.get("HX-Request"):
        return csrf_failure(request, reason)
    return notice(request, TOO_OLD, status=403)


def _page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request.path_info):
        return refuse(request, refusal(Http404()))
    return defaults.page_not_found(request, exception)


def _server_error(request: HttpRequest) -> HttpResponse:
    return refuse(request, BROKEN) if is_api(request.path_info) else defaults.server_error(request)


bad_request = _giving_back(_bad_request)
permission_denied = _giving_back(defaults.permission_denied)
page_not_found = _giving_back(_page_not_found)
server_error = _giving_back(_server_error)
forged = _giving_back(_forged)


class FormsAloneMiddleware(MiddlewareMixin):
    """Says so where somebody opens an address that takes only what a form sends, as after a login
    or from the bar of the browser, which would show an empty page; and to a program in JSON."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return response
        if is_api(request.path_info):
            told = refuse(request, _WRONG_METHOD)
        elif request.method == "GET" and request.accepts("text/html"):
            context = {"title": "There is nothing to read here", "message": FORM_ALONE}
            told = render(request, "error.html", context, status=HTTPStatus.METHOD_NOT_ALLOWED)
        else:
            return response
        told["Allow"] = response["Allow"]
        return told
