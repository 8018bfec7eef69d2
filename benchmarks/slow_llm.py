"""A model server that goes on writing, a word a second, until it is told to come to an end."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECONDS_A_WORD = 1.0


@dataclass(frozen=True, slots=True)
class SlowLLM:
    """`asked` goes up with each answer that is begun; after `come_to_an_end` is set all end."""

    url: str
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    come_to_an_end: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def slow_llm() -> Iterator[SlowLLM]:
    """On a free port of loopback, for as long as the block lasts."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.told = SlowLLM(f"http://127.0.0.1:{server.server_port}/v1")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.told
        finally:
            server.told.come_to_an_end.set()
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    # As many come at the same moment as streams are opened.
    request_queue_size = 256
    daemon_threads = True
    told: SlowLLM


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        if asked.get("stream"):
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._stream(self.server.told)
        else:
            self.end_headers()
            message = {"role": "assistant", "content": "Hello"}
            self.wfile.write(json.dumps({"choices": [{"index": 0, "message": message}]}).encode())

    def _stream(self, told: SlowLLM) -> None:
        told.asked.release()
        while not told.come_to_an_end.wait(SECONDS_A_WORD):
            self._send({"content": "word "}, None)
        self._send({}, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, delta: dict[str, str], finish_reason: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "slow"}
        self.wfile.write(f"data: {json.dumps({**head, 'choices': [choice]})}\n\n".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """The output is the tables'."""
