"""A program that webhooks tell, on a port of loopback. It keeps what it gets."""

import contextlib
import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Got:
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.raw)
        return told


@dataclass
class Receiver:
    """Answers with `statuses` in turn, then with 204. 0: never; whoever waits sets `left`."""

    url: str = ""
    statuses: deque[int] = field(default_factory=deque)
    got: list[Got] = field(default_factory=list)
    came: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    left: threading.Event = field(default_factory=threading.Event)
    location: str = ""
    body: bytes = b""
    """Of each answer, over and over until nobody reads on."""

    @property
    def events(self) -> list[str]:
        return [one.body["event"] for one in self.got]


@contextlib.contextmanager
def receiving(host: str = "127.0.0.1") -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        receiver = Receiver()

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            self.receiver.got.append(Got(self.path, dict(self.headers), raw))
            self.receiver.came.release()
            status = self.receiver.statuses.popleft() if self.receiver.statuses else 204
            if not status:
                with contextlib.suppress(ConnectionResetError):
                    self.connection.recv(1)
                self.receiver.left.set()
                return
            self.send_response(status)
            if self.receiver.location:
                self.send_header("Location", self.receiver.location)
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                while self.receiver.body:
                    self.wfile.write(self.receiver.body)
            if self.receiver.body:
                self.receiver.left.set()

        def log_message(self, format: str, *args: Any) -> None:
            """The tests' output is theirs."""

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    Handler.receiver.url = f"http://localhost:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Handler.receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
