"""A model server that goes on writing, a word a second, until it is told to come to an end.

Other questions than the held one, if one is named, it answers at the pace of a large model on a
GPU, with the first sentence of the first passage.
"""

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECONDS_A_WORD = 1.0
QUICK_SECONDS_A_WORD = 0.03
FIRST_SENTENCE = re.compile(r'<passage n="1"[^>]*>\s*(.+?)(?:\.\s|\n|$)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class SlowLLM:
    """`asked` goes up with each held answer that is begun; after `come_to_an_end` is set all end.

    Held are the answers to questions with the words of `held`: with none, all.
    """

    url: str
    held: str = ""
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    come_to_an_end: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def slow_llm(held: str = "") -> Iterator[SlowLLM]:
    """On a free port of loopback, for as long as the block lasts."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.told = SlowLLM(f"http://127.0.0.1:{server.server_port}/v1", held)
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
                self._stream(asked["messages"][-1]["content"])
        else:
            self.end_headers()
            message = {"role": "assistant", "content": "Hello"}
            self.wfile.write(json.dumps({"choices": [{"index": 0, "message": message}]}).encode())

    def _stream(self, prompt: str) -> None:
        if self.server.told.held in prompt.rpartition("Question: ")[2]:
            self._hold()
        else:
            self._quote(prompt)
        self._send({}, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def _hold(self) -> None:
        self.server.told.asked.release()
        while not self.server.told.come_to_an_end.wait(SECONDS_A_WORD):
            self._send({"content": "word "}, None)

    def _quote(self, prompt: str) -> None:
        found = FIRST_SENTENCE.search(prompt)
        for word in (*(found[1] if found else "Hello").split(), "[1]"):
            time.sleep(QUICK_SECONDS_A_WORD)
            self._send({"content": f"{word} "}, None)

    def _send(self, delta: dict[str, str], finish_reason: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "slow"}
        self.wfile.write(f"data: {json.dumps({**head, 'choices': [choice]})}\n\n".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """The output is the tables'."""
