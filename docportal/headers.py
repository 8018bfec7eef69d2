"""What a browser may do with a page and keep of it, beyond its policy for content (django-csp)."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

HEADERS = {
    # Nothing of the portal uses any of these.
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
    # No other site may take in what it answers, a download or a plot as little as a page.
    "Cross-Origin-Resource-Policy": "same-origin",
}


class HeadersMiddleware(MiddlewareMixin):
    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        # A fragment has the address of its page: going back, a browser would show it alone.
        if "HX-Request" in request.headers:
            response.headers.setdefault("Cache-Control", "no-store")
        return response
