"""The web process and workers keep what threads freed in few places, from before they have any."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
COUNT = """
import ctypes, os, sys, threading

def count():
    together = threading.Barrier(41)

    def take():
        bytes(4096)
        together.wait()

    threads = [threading.Thread(target=take) for _ in range(40)]
    for thread in threads:
        thread.start()
    together.wait()
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    told = ctypes.c_void_p(libc.fopen(os.fsencode(sys.argv[1]), b"w"))
    libc.malloc_info(0, told)
    libc.fclose(told)
"""
WEB = """
from docportal.asgi import application
count()
"""
WORKER = """
import signal
from celery.signals import worker_ready
from docportal.celery import app

@worker_ready.connect
def count_and_end(**_):
    count()
    os.kill(os.getpid(), signal.SIGTERM)

app.worker_main(["worker", "--pool", "threads", "--concurrency", "2", "--without-mingle"])
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_info"), reason="this library of C has no arenas"
)
@pytest.mark.parametrize("process", [WEB, WORKER], ids=["web", "worker"])
def test_forty_threads_share_two_arenas(process: str, tmp_path: Path) -> None:
    unset = ("DATABASE_URL", "CELERY_BROKER_URL", "MALLOC_ARENA_MAX")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    environment = inherited | {"DOCPORTAL_HOME": str(tmp_path)}
    subprocess.run([sys.executable, MANAGE, "migrate", "-v0"], env=environment, check=True)
    told = tmp_path / "arenas.xml"
    command = [sys.executable, "-c", COUNT + process, str(told)]
    subprocess.run(command, env=environment, cwd=MANAGE.parent, check=True)
    assert 1 <= told.read_text().count("<heap nr=") <= 2
