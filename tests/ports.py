"""Ports of this machine, for servers that cannot inherit a socket that listens already."""

import itertools
import random
import socket

LOOPBACK = "127.0.0.1"
# Below those that Linux gives to whoever asks for any: else one that is free now may be somebody's
# connection by the time the server starts.
_CHOSEN_FROM = range(10_000, 32_768)


def free_port() -> int:
    (port,) = free_ports("").values()
    return port


def free_ports(*names: str) -> dict[str, int]:
    """One for each name, all different."""
    shuffled = random.SystemRandom().sample(_CHOSEN_FROM, len(_CHOSEN_FROM))
    free = itertools.islice(filter(_is_free, shuffled), len(names))
    return dict(zip(names, free, strict=True))


def _is_free(port: int) -> bool:
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True
