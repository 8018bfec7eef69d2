"""The process that parses: it imports the parsers once, then forks a child for each file.

It talks over the socket on its standard input. One packet is one request, and carries the pipe
for the result: one line of JSON from the child, then one from here with how the child ended.
When the last client is gone the server ends, and with it, by the kernel, every child.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingestion import confinement
from ingestion.archives import ZipLimits
from ingestion.errors import ParseError

REQUEST_BYTES = 16 * 1024
_RECURSION = 5000
"""Frames: the partitioner descends into nested elements by calls."""


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    media_type: str
    cpu_seconds: int
    wall_seconds: int
    memory_bytes: int
    zip_ratio: int
    zip_expanded_bytes: int

    def packed(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpacked(cls, packet: bytes) -> "Request":
        return cls(**json.loads(packet))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.modules["torch"] = None  # type: ignore[assignment]  # 700 MB that spaCy would import unasked
    sys.setrecursionlimit(_RECURSION)
    _warm_up()
    wake_up, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    serve(socket.socket(fileno=sys.stdin.fileno()), wake_up, woken)


def serve(requests: socket.socket, wake_up: int, woken: int) -> None:
    """Until the last client is gone. That a child has ended comes as a byte through the pipe from
    `woken` to `wake_up`."""
    pipes: dict[int, int] = {}  # child → pipe of its result
    with selectors.DefaultSelector() as ready:
        ready.register(requests, selectors.EVENT_READ)
        ready.register(wake_up, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is not requests:
                    os.read(wake_up, 1024)
                    _report_ended(pipes)
                    continue
                packet, pipe, _, _ = socket.recv_fds(requests, REQUEST_BYTES, 1)
                if not packet:
                    return
                child = os.fork()
                if child == 0:
                    requests.close()
                    # From Python 3.12 on asyncio may have done so already, in every child.
                    signal.set_wakeup_fd(-1)
                    for other in (wake_up, woken, *pipes.values()):
                        os.close(other)
                    _serve_one(Request.unpacked(packet), pipe[0])
                    os._exit(0)
                pipes[child] = pipe[0]


def _serve_one(request: Request, pipe: int) -> None:
    confinement.end_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    confinement.confine(
        cpu_seconds=request.cpu_seconds,
        wall_seconds=request.wall_seconds,
        memory_bytes=request.memory_bytes,
    )
    answer = json.dumps(_answer(request)).encode()
    with os.fdopen(pipe, "wb") as result:
        result.write(answer)


def _answer(request: Request) -> dict[str, Any]:
    from ingestion.parsing import parse  # imported already, by _warm_up

    limits = ZipLimits(request.zip_ratio, request.zip_expanded_bytes)
    try:
        document = parse(Path(request.path), request.media_type, limits)
    except ParseError as error:
        return {"error": [error.id, str(error)]}
    except MemoryError:
        return {"error": ["too-much-memory", ""]}
    except RecursionError:
        return {"error": ["too-deep", ""]}
    elements = [[e.kind, e.text, e.level, e.page, e.language, e.table] for e in document.elements]
    return {"title": document.title, "elements": elements}


def _report_ended(pipes: dict[int, int]) -> None:
    while pipes:
        child, status, used = os.wait4(-1, os.WNOHANG)
        if child == 0:
            return
        ended = {"code": os.waitstatus_to_exitcode(status), "rss_bytes": used.ru_maxrss * 1024}
        pipe = pipes.pop(child)
        with suppress(BrokenPipeError):  # the client did not wait for it
            os.write(pipe, b"\n" + json.dumps(ended).encode())
        os.close(pipe)


def _warm_up() -> None:
    """Pays for the imports here, once, and not in every child."""
    from ingestion import parsing

    parsing.warm_up()
    gc.collect()
    gc.freeze()  # so that children do not copy pages only to count references


if __name__ == "__main__":
    main()
