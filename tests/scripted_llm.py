"""A server that speaks the OpenAI protocol and says what a test tells it to."""

import contextlib
import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `pieces` are sent as they stand, the last after `release` is set, if given.

    `breaks`: the connection ends without the end of the stream.
    """

    pieces: tuple[str, ...]
    status: int = 200
    release: threading.Event | None = None
    breaks: bool = False


def says(*pieces: str) -> Reply:
    return Reply(pieces)


@dataclass
class ScriptedLLM:
    """Answers with `replies` in turn, then with the last one again; keeps what it was asked."""

    url: str
    replies: deque[Reply] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    """Set when a client goes away in the middle of a stream."""

    def will_say(self, *replies: Reply | str) -> None:
        self.replies.clear()
        self.replies.extend(says(one) if isinstance(one, str) else one for one in replies)

    def next_reply(self) -> Reply:
        return self.replies.popleft() if len(self.replies) > 1 else self.replies[0]


@contextlib.contextmanager
def scripted_llm() -> Iterator[ScriptedLLM]:
    """A server on a free port of loopback, for as long as the block lasts."""

    class Handler(_Handler):
        script = ScriptedLLM("")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Handler.script.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield Handler.script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    script: ScriptedLLM

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.script.requests.append(json.loads(body))
        reply = self.script.next_reply()
        self.send_response(reply.status)
        if reply.status != 200:
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
            return
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._stream(reply)
            return
        self.script.left.set()

    def _stream(self, reply: Reply) -> None:
        for place, piece in enumerate(reply.pieces):
            if reply.release and place == len(reply.pieces) - 1:
                self._wait_while_connected(reply.release)
            self._send({"choices": [{"index": 0, "delta": {"content": piece}}]})
        if reply.breaks:
            return
        self._send({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
        self._send({"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _wait_while_connected(self, release: threading.Event) -> None:
        """A comment line now and then shows at once when the client has left."""
        while not release.wait(0.02):
            self.wfile.write(b": waiting\n\n")
            self.wfile.flush()

    def _send(self, chunk: dict[str, Any]) -> None:
        whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"} | chunk
        self.wfile.write(f"data: {json.dumps(whole)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """The tests' output is theirs."""
