"""An embedding server over HTTP whose vectors are sums of one random vector for each word.

Texts that share words are near, always in the same way, and it starts at once.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from numpy.typing import NDArray

DIMENSION = 384


def embed(text: str, dimension: int = DIMENSION) -> NDArray[np.float32]:
    """Of unit length."""
    words = re.findall(r"\w+", text.lower()) or [""]
    seeds = [int.from_bytes(hashlib.sha256(word.encode()).digest()[:8]) for word in words]
    total = sum(np.random.default_rng(seed).normal(size=dimension) for seed in seeds)
    vector: NDArray[np.float32] = (total / np.linalg.norm(total)).astype("<f4")
    return vector


class HashedWords(ThreadingHTTPServer):
    """`texts` is all that was embedded so far, questions included, and `keys` what came as the
    authorization of each request, at which it calls `meanwhile`. While `answers` is not set it
    hangs; `status` other than 200 is all that it says; the next `failures` requests get 503.
    `dimension` is the length of its vectors. It reranks by the `relevance` of each text; without
    one not at all, and says so with `reranks`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.texts: list[str] = []
        self.keys: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.status = 200
        self.reranks = 404
        self.failures = 0
        self.dimension = DIMENSION
        self.relevance: Callable[[str], float] | None = None
        self.answers = threading.Event()
        self.answers.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HashedWords

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.keys.append(self.headers.get("Authorization", ""))
        self.server.meanwhile()
        if self.path.endswith("/rerank") and self.server.relevance:
            scores = map(self.server.relevance, asked["documents"])
            ranked = [{"index": n, "relevance_score": score} for n, score in enumerate(scores)]
            self._send({"results": ranked})
            return
        if not self.path.endswith("/embeddings"):
            self.send_error(self.server.reranks)
            return
        self.server.answers.wait()
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        if self.server.failures:
            self.server.failures -= 1
            self.send_error(503)
            return
        self.server.texts += asked["input"]
        rows = [
            {"index": index, "embedding": base64.b64encode(vector.tobytes()).decode()}
            for index, vector in enumerate(
                embed(text, self.server.dimension) for text in asked["input"]
            )
        ]
        self._send({"data": rows})

    def _send(self, told: object) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests' output is for the tests."""


@contextmanager
def hashed_words() -> Iterator[HashedWords]:
    with HashedWords() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()
