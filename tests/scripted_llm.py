"""A server that speaks the OpenAI protocol and says what a test tells it to.

Once a test gives it `adapters`, it is like vLLM with LoRA: it knows its own model and what it was
told to load, and has never heard of any other.
"""

import contextlib
import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `pieces` are sent as they stand, the last after `release` is set, if given.

    `breaks`: the connection ends without the end of the stream. `raw` is sent as it stands after
    the pieces, and ends the stream. `model` is the name it answers by; None: that it was asked.
    `hangs`: it takes the question and never says a word. `logprob` is that of each piece, told to
    who asks for it.
    """

    pieces: tuple[str, ...]
    status: int = 200
    release: threading.Event | None = None
    breaks: bool = False
    raw: bytes = b""
    model: str | None = None
    hangs: bool = False
    logprob: float = 0.0


def says(*pieces: str) -> Reply:
    return Reply(pieces)


@dataclass
class ScriptedLLM:
    """Answers with `replies` in turn, then with the last one again; keeps what it was asked."""

    url: str
    replies: deque[Reply] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    """The `traceparent` of each request, empty without one."""
    left: threading.Event = field(default_factory=threading.Event)
    """Set when a client goes away in the middle of a stream."""
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Goes up with every request."""
    model: str = "docportal-reader"
    adapters: dict[str, str] | None = None
    """Folders by name; None: it answers to every name."""
    loads: list[dict[str, Any]] = field(default_factory=list)
    echoes: bool = False
    """Says after its reply all that it was given, as one would that keeps nothing to itself."""

    def will_say(self, *replies: Reply | str) -> None:
        self.replies.clear()
        self.replies.extend(says(one) if isinstance(one, str) else one for one in replies)

    def next_reply(self) -> Reply:
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        if not self.echoes:
            return reply
        given = "\n".join(message["content"] for message in self.requests[-1]["messages"])
        return says(*reply.pieces, given)

    def knows(self, model: str) -> bool:
        return self.adapters is None or model == self.model or model in self.adapters

    def load(self, asked: dict[str, Any]) -> tuple[int, str]:
        """Status and body, as vLLM gives them."""
        self.loads.append(asked)
        name, folder = asked["lora_name"], asked["lora_path"]
        adapters = self.adapters if self.adapters is not None else {}
        if name in adapters:
            return 400, _error(f"The lora adapter '{name}' has already been loaded. If you want …")
        if not (Path(folder) / "adapter_config.json").is_file():
            return 404, _error(f"No adapter found for {folder}")
        adapters[name] = folder
        return 200, f"Success: LoRA adapter '{name}' added successfully."

    def unload(self, asked: dict[str, Any]) -> tuple[int, str]:
        name = asked["lora_name"]
        if self.adapters is None or self.adapters.pop(name, None) is None:
            return 404, _error(f"The lora adapter '{name}' cannot be found.")
        return 200, f"Success: LoRA adapter '{name}' removed successfully."


def _error(message: str) -> str:
    return json.dumps({"error": {"message": message, "type": "NotFoundError", "code": 404}})


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

    def do_GET(self) -> None:
        known = {self.script.model: "models/base"} | (self.script.adapters or {})
        models = [{"id": name, "root": folder} for name, folder in known.items()]
        self._reply(200, json.dumps({"object": "list", "data": models}))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match self.path.rpartition("/")[2]:
            case "load_lora_adapter":
                self._reply(*self.script.load(asked))
            case "unload_lora_adapter":
                self._reply(*self.script.unload(asked))
            case _:
                self._complete(asked)

    def _complete(self, asked: dict[str, Any]) -> None:
        self.script.requests.append(asked)
        self.script.parents.append(self.headers.get("traceparent", ""))
        if not self.script.knows(asked["model"]):
            self._reply(404, _error(f"The model `{asked['model']}` does not exist."))
            return
        reply = self.script.next_reply()
        self.script.asked.release()
        if reply.hangs:
            self._wait_for_the_client_to_leave()
        elif reply.status != 200:
            self._reply(reply.status, "{}")
        elif not asked.get("stream"):
            message = {"role": "assistant", "content": "".join(reply.pieces)}
            self._reply(200, json.dumps({"choices": [{"index": 0, "message": message}]}))
        else:
            self._stream_out(reply, asked)

    def _reply(self, status: int, body: str) -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _wait_for_the_client_to_leave(self) -> None:
        with contextlib.suppress(ConnectionResetError):
            self.connection.recv(1)
        self.script.left.set()

    def _stream_out(self, reply: Reply, asked: dict[str, Any]) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._stream(reply, reply.model or asked["model"], bool(asked.get("logprobs")))
            return
        self.script.left.set()

    def _stream(self, reply: Reply, model: str, with_logprobs: bool) -> None:
        for place, piece in enumerate(reply.pieces):
            if reply.release and place == len(reply.pieces) - 1:
                self._wait_while_connected(reply.release)
            told = {"logprobs": {"content": [{"token": piece, "logprob": reply.logprob}]}}
            choice = {"index": 0, "delta": {"content": piece}} | (told if with_logprobs else {})
            self._send(model, {"choices": [choice]})
        self.wfile.write(reply.raw)
        if reply.breaks or reply.raw:
            return
        self._send(model, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
        self._send(model, {"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _wait_while_connected(self, release: threading.Event) -> None:
        """A comment line now and then shows at once when the client has left."""
        while not release.wait(0.02):
            self.wfile.write(b": waiting\n\n")
            self.wfile.flush()

    def _send(self, model: str, chunk: dict[str, Any]) -> None:
        whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": model} | chunk
        self.wfile.write(f"data: {json.dumps(whole)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """The tests' output is theirs."""
