"""The web process and workers keep what threads freed in few places, from before they have any."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installations import ROOT, NewHome

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
def test_forty_threads_share_two_arenas(
    process: str, new_home: NewHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    environment = new_home(tmp_path)
    told = tmp_path / "arenas.xml"
    command = [sys.executable, "-c", COUNT + process, str(told)]
    subprocess.run(command, env=environment, cwd=ROOT, check=True)
    assert 1 <= told.read_text().count("<heap nr=") <= 2
