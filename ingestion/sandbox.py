"""Parsing in a process of its own that has no network, changes no file, and cannot outgrow its
limits. What goes wrong with a file goes wrong there."""

import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from django.conf import settings

from ingestion.elements import Element, ElementKind, ParsedDocument
from ingestion.errors import ParseError
from ingestion.sandbox_server import Request

logger = logging.getLogger(__name__)

_START_SECONDS = 60
_ANSWER_MAX_BYTES = 256 * 1024 * 1024
_REASONS = {
    "too-slow": "Reading it took longer than {cpu} seconds, so it was stopped. Split it into"
    " smaller files, or save it again in a simpler form.",
    "too-much-memory": "Reading it needed more than {memory} MB of memory, so it was stopped."
    " Split it into smaller files, or save it again in a simpler form.",
    "too-deep": "Its parts are nested too deep in each other. Save it again in a simpler form.",
    "damaged": "The file could not be read. Open it in the program that made it, save it again"
    " and upload that.",
}
_TIME_SIGNALS = (signal.SIGXCPU, signal.SIGALRM)


def parse_safely(path: Path, media_type: str) -> ParsedDocument:
    """The text of a file from a stranger; safe to call from several threads.

    Raises ParseError when the file is at fault, RuntimeError when parsing itself does not work.
    """
    request = Request(
        path=str(path.absolute()),
        media_type=media_type,
        cpu_seconds=settings.PARSE_CPU_SECONDS,
        wall_seconds=2 * settings.PARSE_CPU_SECONDS,
        memory_bytes=settings.PARSE_MEMORY_BYTES,
        zip_ratio=settings.UPLOAD_MAX_ZIP_RATIO,
        zip_expanded_bytes=settings.UPLOAD_MAX_EXPANDED_BYTES,
    )
    for _ in range(2):  # a second time when the server itself was killed meanwhile
        answer, newline, ended = _server.answer(request).rpartition(b"\n")
        if newline:
            return _document(answer, json.loads(ended), request)
    raise RuntimeError("The process that parses files ends before it answers.")


def warm_up() -> None:
    """Starts the parsing process, so that the first file does not wait for it."""
    _server.start()


class _Server:
    """The parsing process of this one; started when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> socket.socket:
        with self._lock:
            if self._socket is None or self._process is None or self._is_dead():
                self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with theirs:
                    self._process = subprocess.Popen(
                        [sys.executable, "-B", "-m", "ingestion.sandbox_server"],
                        stdin=theirs.fileno(),
                        stdout=subprocess.DEVNULL,
                        cwd=settings.BASE_DIR,
                        env=_environment(),
                    )
            return self._socket

    def _is_dead(self) -> bool:
        # A forked worker, whose child it is not, takes it for dead and starts its own.
        return self._process is not None and self._process.poll() is not None

    def forget(self, ended: socket.socket) -> None:
        """Also before the process that ended can be seen to be dead."""
        with self._lock:
            if self._socket is ended:
                self._socket = None

    def answer(self, request: Request) -> bytes:
        """What came through the pipe; without a last line when the server was killed."""
        server = self.start()
        theirs_to_read, theirs = os.pipe()
        with os.fdopen(theirs_to_read, "rb", buffering=0) as pipe:
            try:
                socket.send_fds(server, [request.packed()], [theirs])
            except (BrokenPipeError, ConnectionResetError):
                self.forget(server)
                return b""
            finally:
                os.close(theirs)
            answer = _read_all(
                pipe.fileno(), time.monotonic() + _START_SECONDS + request.wall_seconds
            )
        if b"\n" not in answer:
            self.forget(server)
        return answer


def _environment() -> dict[str, str]:
    """No secret of this process, and no telemetry of the parsers."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    quiet = dict.fromkeys(
        ("DO_NOT_TRACK", "SCARF_NO_ANALYTICS", "UNSTRUCTURED_DISABLE_NOTICE"), "1"
    )
    return {**kept, **quiet, "OMP_NUM_THREADS": "1"}


def _read_all(pipe: int, deadline: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while size <= _ANSWER_MAX_BYTES:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise RuntimeError("The process that parses files does not answer.")
        piece = os.read(pipe, 1024 * 1024)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
    raise ParseError("too-large", "It holds too much text for one document. Split it.")


def _document(answer: bytes, ended: dict[str, int], request: Request) -> ParsedDocument:
    if ended["code"] != 0:
        raise _failure(_reason_of(ended, request), "", request)
    parsed: dict[str, Any] = json.loads(answer)
    if "error" in parsed:
        reason, message = parsed["error"]
        raise _failure(reason, message, request)
    elements = (
        Element(ElementKind(kind), text, level, page, language, table)
        for kind, text, level, page, language, table in parsed["elements"]
    )
    return ParsedDocument(parsed["title"], tuple(elements))


def _reason_of(ended: dict[str, int], request: Request) -> str:
    if -ended["code"] in _TIME_SIGNALS:
        return "too-slow"
    # Libraries in C end the process when they get no memory, each in its own way.
    if ended["code"] < 0 and ended["rss_bytes"] > request.memory_bytes // 3:
        return "too-much-memory"
    logger.warning("Parsing %s ended with code %s.", request.path, ended["code"])
    return "damaged"


def _failure(id: str, message: str, request: Request) -> ParseError:
    memory = request.memory_bytes // 2**20
    return ParseError(id, message or _REASONS[id].format(cpu=request.cpu_seconds, memory=memory))


_server = _Server()
