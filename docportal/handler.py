"""Django's handler of requests, which leaves nothing of one when it has been answered."""

from django.core.handlers.asgi import ASGIHandler, ASGIRequest


class Request(ASGIRequest):
    """Who asks, the messages for them and what htmx said are kept on a request, and each refers to
    the request again. In such a circle its body would stay until Python looks for garbage among
    all objects, which it does rarely (docportal/asgi.py)."""

    def close(self) -> None:
        """Called when its response has been sent, or nobody reads it any more."""
        super().close()
        vars(self).clear()


class Handler(ASGIHandler):
    request_class = Request
