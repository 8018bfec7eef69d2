"""A message to workers keeps nobody waiting."""

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

PROGRAM = """
    import django
    django.setup()
    from django.db import transaction
    from ingestion.pokes import poke
    with transaction.atomic():
        poke("docportal.pipeline.process_version", 1)
    print("kept")
"""


def test_broker_that_hangs_keeps_nobody_waiting(tmp_path: Path) -> None:
    """It takes the connection, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        environment = os.environ | {
            "DOCPORTAL_HOME": str(tmp_path),
            "DATABASE_URL": "",
            "DJANGO_SETTINGS_MODULE": "docportal.settings",
            "CELERY_BROKER_URL": f"redis://127.0.0.1:{hanging.getsockname()[1]}/0",
        }
        program = [sys.executable, "-c", textwrap.dedent(PROGRAM)]
        told = subprocess.run(
            program, env=environment, capture_output=True, text=True, check=True, timeout=100
        )
    assert told.stdout == "kept\n"
    assert "waits" in told.stderr
