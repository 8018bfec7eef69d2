"""Whose spans belong together: those of a request, and those of a job with the request's.

The trace of a caller that sends `traceparent` goes on here.
"""

from contextlib import ExitStack
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from docportal.logs import Handler
from ingestion import tracing

HEADER = "traceparent"
# Asked for every few seconds.
CHECKS = ("/healthz", "/readyz", "/metrics")


class TraceMiddleware:
    """Tells each request as a span, to the end of what it streams."""

    sync_capable, async_capable = False, True

    def __init__(self, get_response: Handler) -> None:
        if not tracing.is_on():
            raise MiddlewareNotUsed
        # Now, so that no request waits for it.
        from ingestion import spans

        self._spans = spans
        self._handle: Any = get_response

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith((*CHECKS, settings.STATIC_URL)):
            with self._spans.untold():
                untold: HttpResponseBase = await self._handle(request)
            return untold
        with ExitStack() as ending:
            parent = request.headers.get(HEADER, "")
            span = ending.enter_context(self._spans.of_request(request.method or "", parent))
            with span.current():
                response: HttpResponseBase = await self._handle(request)
            match = request.resolver_match
            span.answered(match.view_name if match else "", response.status_code)
            if isinstance(response, StreamingHttpResponse) and response.is_async:
                ending.pop_all()
                content: Any = response.streaming_content
                response.streaming_content = self._spans.stepwise(lambda: span, content)
            return response


def send_along(headers: dict[str, Any], **_: object) -> None:
    headers.update(tracing.headers())


def begin_job(task: Any, **_: object) -> None:
    tracing.asked_by.set(str(task.request.get(HEADER) or ""))


def end_job(**_: object) -> None:
    tracing.asked_by.set("")


def connect() -> None:
    if tracing.is_on():
        before_task_publish.connect(send_along)
        task_prerun.connect(begin_job)
        task_postrun.connect(end_job)
