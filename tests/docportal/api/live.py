"""The web process itself, on the database and the home of the test that asks for it."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[3]


@contextlib.contextmanager
def web_process(home: Path) -> Iterator[str]:
    """Its address. `home` is that of the fixture; the servers are those of the settings.

    It inherits a socket that listens already, so whoever connects waits until it is up.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        variables = {
            "DOCPORTAL_HOME": str(home),
            "DATABASE_URL": database_url(),
            "LLM_URL": settings.LLM_URL,
            "EMBEDDINGS_URL": settings.EMBEDDINGS_URL,
        }
        command = [sys.executable, "-m", "uvicorn", "docportal.asgi:application"]
        running = subprocess.Popen(
            [*command, "--fd", str(listener.fileno()), "--log-level", "warning"],
            cwd=ROOT,
            env=os.environ | variables,
            pass_fds=[listener.fileno()],
        )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            running.terminate()
            running.wait(30)


def database_url() -> str:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
