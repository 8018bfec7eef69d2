"""Whoever is not logged in is sent to the login, and from there to a page that they can read."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib.auth import REDIRECT_FIELD_NAME, middleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme


class LoginRequiredMiddleware(middleware.LoginRequiredMiddleware):
    """Django's goes back to the address that was asked for. What a form was sent to has no page, so
    that is the page with the form: what was sent is not kept."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        if request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        return redirect_to_login(page_before(request), None, REDIRECT_FIELD_NAME)


def page_before(request: HttpRequest) -> str:
    """The page of this portal from which a form was sent, or else the first one."""
    before = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(before, {request.get_host()}, request.is_secure()):
        return "/"
    parts = urlsplit(before)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path or "/"
