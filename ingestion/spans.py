"""Spans as they are sent to the collector: the only importer of OpenTelemetry, through the doors of
`ingestion.tracing`.

They are collected in memory, at most as many as the library's `OTEL_BSP_MAX_QUEUE_SIZE`, and sent
by a thread of their own: no work waits for the collector, and what it does not take is lost.

The tracer is not made the process's own: libraries that find one there (`mcp`) write spans with the
messages of exceptions, which may quote a question.
"""

import atexit
import os
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self, TypeVar

from django.conf import settings
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ingestion.errors import UserError
from ingestion.tracing import Attribute, asked_by

T = TypeVar("T")

# How long a process that ends waits for the collector to take the last spans.
LAST_SECONDS = 2.0
_W3C = TraceContextTextMapPropagator()


def _tracer() -> trace.Tracer:
    # Not of all that the library could find out: the command line of `ask` is a question.
    resource = Resource({"service.name": settings.OTEL_SERVICE_NAME})
    provider = TracerProvider(
        resource=resource.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=_endpoint())))
    _send_the_last(provider)
    return provider.get_tracer("docportal")


def _endpoint() -> str | None:
    """The address for spans; None: one of their own that the library reads by itself."""
    if os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        return None
    # The library knows no variable that names a file.
    return f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces"


def _send_the_last(provider: TracerProvider) -> None:
    """At the end of the process, for as long as `LAST_SECONDS` and no longer."""
    ending, sent = threading.Event(), threading.Event()

    def send() -> None:
        ending.wait()
        provider.shutdown()
        sent.set()

    def wait() -> None:
        ending.set()
        sent.wait(LAST_SECONDS)

    # Begun now: a process that is ending may begin none.
    threading.Thread(target=send, daemon=True).start()
    atexit.register(wait)


class Span:
    """Begun when it is made, a part of the current one or of the remote `parent`; ended by leaving
    its block. What a worker does begins a trace, linked with the request that asked for it."""

    def __init__(
        self,
        name: str,
        attributes: Mapping[str, Attribute],
        *,
        parent: str = "",
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        context = _context_of(parent) if parent else None
        is_first = not trace.get_current_span(context).get_span_context().is_valid
        asker = trace.get_current_span(_context_of(asked_by.get())).get_span_context()
        links = [Link(asker)] if is_first and asker.is_valid else None
        self._name = name
        self._span = _TRACER.start_span(
            name, context, kind=kind, attributes=dict(attributes), links=links
        )

    def answered(self, view: str, status: int) -> None:
        """Of a request's: by the name of its view, since an address may hold a question."""
        self._span.update_name(f"{self._name} {view}".strip())
        self._span.set_attributes({"http.response.status_code": status, "view": view})
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)

    def current(self) -> AbstractContextManager[object]:
        return trace.use_span(self._span, record_exception=False, set_status_on_exception=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        # By its class alone: a message may quote.
        if isinstance(error, Exception) and not isinstance(error, UserError):
            self._span.set_status(StatusCode.ERROR)
            self._span.set_attribute("error.type", type(error).__name__)
        self._span.end()


def of_request(method: str, parent: str) -> Span:
    """Begun with the request; `parent` is its `traceparent`, or empty."""
    attributes = {"http.request.method": method}
    return Span(method, attributes, parent=parent, kind=SpanKind.SERVER)


def untold() -> AbstractContextManager[object]:
    """A block of which nothing is told."""
    ids = RandomIdGenerator()
    context = SpanContext(ids.generate_trace_id(), ids.generate_span_id(), is_remote=False)
    return trace.use_span(NonRecordingSpan(context))


async def stepwise(begin: Callable[[], Span], work: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """See `tracing.steps`."""
    with begin() as span:
        try:
            while True:
                with span.current():
                    try:
                        item = await anext(work)
                    except StopAsyncIteration:
                        return
                yield item
        finally:
            with span.current():
                await work.aclose()


def note(attributes: Mapping[str, Attribute]) -> None:
    trace.get_current_span().set_attributes(dict(attributes))


def traceparent() -> str:
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent", "")


def _context_of(parent: str) -> Context:
    return _W3C.extract({"traceparent": parent}, Context())


# Last, since the library may log while it is set up, and a line of the log asks for `traceparent`.
_TRACER = _tracer()
