"""A collector of OpenTelemetry: it takes what is sent by OTLP over HTTP, and keeps the spans."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)


@dataclass(frozen=True, slots=True)
class Told:
    """A span as it came. `parent` and the links are names of spans, `trace/span`."""

    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    links: list[str]
    start: int
    end: int
    failed: bool
    service: str

    @property
    def ref(self) -> str:
        return f"{self.trace}/{self.id}"


@dataclass
class Collector:
    url: str = ""
    spans: list[Told] = field(default_factory=list)
    raw: bytes = b""
    came: threading.Condition = field(default_factory=threading.Condition)
    hangs: bool = False
    left: threading.Event = field(default_factory=threading.Event)
    """Set when who was kept waiting has gone."""

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self.came:
            self.raw += body
            for resource in request.resource_spans:
                service = _values(resource.resource.attributes)["service.name"]
                for scope in resource.scope_spans:
                    self.spans += [_told(span, service) for span in scope.spans]
            self.came.notify_all()

    def wait(self, enough: Callable[[list[Told]], Any], seconds: float = 60) -> list[Told]:
        """All spans, once they are enough."""
        with self.came:
            names = sorted(span.name for span in self.spans)
            assert self.came.wait_for(lambda: enough(self.spans), seconds), names
            return list(self.spans)

    def trace_with(self, *names: str) -> "Tree":
        """The first trace with spans of all these names, of processes that have ended."""
        return self.traces_with(*names, count=1)[0]

    def traces_with(self, *names: str, count: int) -> "list[Tree]":
        """All such traces, once there are so many."""
        trees: list[Tree] = []

        def whole(spans: list[Told]) -> bool:
            by_trace: dict[str, list[Told]] = {}
            for span in spans:
                by_trace.setdefault(span.trace, []).append(span)
            trees[:] = [Tree(of_trace) for of_trace in by_trace.values()]
            trees[:] = [tree for tree in trees if set(names) <= tree.names and tree.is_whole]
            return len(trees) >= count

        self.wait(whole)
        return trees


@dataclass(frozen=True, slots=True)
class Tree:
    """The spans of one trace."""

    spans: list[Told]

    @property
    def names(self) -> set[str]:
        return {span.name for span in self.spans}

    @property
    def is_whole(self) -> bool:
        """Whether every span but one is below another."""
        return len(self._roots) == 1

    @property
    def root(self) -> Told:
        (root,) = self._roots
        return root

    @property
    def _roots(self) -> list[Told]:
        ids = {span.ref for span in self.spans}
        return [span for span in self.spans if span.parent not in ids]

    def one(self, name: str) -> Told:
        (found,) = (span for span in self.spans if span.name == name)
        return found

    def named(self, name: str) -> list[Told]:
        return [span for span in self.spans if span.name == name]

    def below(self, parent: Told) -> list[str]:
        """Names of the children, as they began."""
        children = [span for span in self.spans if span.parent == parent.ref]
        return [child.name for child in sorted(children, key=lambda child: child.start)]


def _told(span: Any, service: str) -> Told:
    trace = span.trace_id.hex()
    return Told(
        name=span.name,
        trace=trace,
        id=span.span_id.hex(),
        parent=f"{trace}/{span.parent_span_id.hex()}" if span.parent_span_id else "",
        attributes=_values(span.attributes),
        links=[f"{link.trace_id.hex()}/{link.span_id.hex()}" for link in span.links],
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        failed=span.status.code == 2,
        service=service,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextlib.contextmanager
def collecting(*, hangs: bool = False) -> Iterator[Collector]:
    """On a free port of loopback; one that `hangs` takes all and never answers."""

    class Handler(BaseHTTPRequestHandler):
        collector = Collector(hangs=hangs)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            self.collector.take(body)
            if self.collector.hangs:
                with contextlib.suppress(ConnectionResetError):
                    self.connection.recv(1)
                self.collector.left.set()
                return
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """The tests' output is theirs."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Handler.collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Handler.collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
