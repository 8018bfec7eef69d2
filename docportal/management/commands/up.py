"""Run the whole product on this machine: web, worker and the embedded model servers."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from docportal.models import User
from docportal.ports import is_taken
from docportal.supervisor import Service, Supervisor
from ingestion.connections import release_connection

# People wait for pages and answers, and nobody as much for a document that is being read.
WORKER_NICENESS = 5
MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]


def services(host: str, port: int) -> Iterable[Service]:
    """The processes that this installation needs: those with an address set run elsewhere."""
    yield Service(
        "web",
        [
            *(sys.executable, "-m", "uvicorn", "docportal.asgi:application"),
            *("--host", host, "--port", str(port), "--timeout-graceful-shutdown", "3"),
            # Whom a proxy forwards for is looked at in one place: docportal/addresses.py.
            *("--no-server-header", "--no-proxy-headers", "--log-level", "warning"),
        ],
    )
    if not settings.EMBEDDINGS_URL:
        yield Service("embeddings", [*MANAGE, "model_server", "embeddings"])
    if not settings.LLM_URL:
        yield Service("llm", [*MANAGE, "model_server", "llm"])
        yield Service("tuned", [*MANAGE, "model_server", "tuned"])
    # `--beat` suits a single worker; production runs beat as a process of its own.
    yield Service("worker", [*_worker("celery", threads=2), "--beat"], niceness=WORKER_NICENESS)
    yield Service("trainer", _worker("training", threads=1))


def _worker(queue: str, *, threads: int) -> list[str]:
    """Threads: the work is waiting for parser children, trainers and servers, and one process
    with one index in memory is smaller than several."""
    return [
        *(sys.executable, "-m", "celery", "-A", "docportal", "worker", "--queues", queue),
        *("--hostname", f"{queue}@%h", "--pool", "threads", "--concurrency", str(threads)),
        *("--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


class Command(BaseCommand):
    help = "Run web, worker and model servers until Ctrl-C; stops everything it started."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        if is_taken(host, port):
            raise CommandError(f"Port {port} of {host} is taken. Stop what runs there, or --port.")
        logs = settings.DOCPORTAL_HOME / "logs"
        with Supervisor(list(self.services(host, port)), logs=logs) as running:
            self.stdout.write(f"docportal runs at http://{host}:{port}. Logs: {logs}. Ctrl-C ends.")
            self.started()
            # It asks the database nothing from here on.
            release_connection()
            # Whoever reads it through a pipe is told now, not at the end.
            self.stdout.flush()
            running.wait()
        self.stdout.write("Everything is stopped.")

    def services(self, host: str, port: int) -> Iterable[Service]:
        """The processes to run; `demo` adds one."""
        return services(host, port)

    def started(self) -> None:
        """What is to be done once the processes run; `demo` brings its documents in here."""
        if not _anybody_may_log_in():
            self.stdout.write(
                "There is no account yet. Make one, with the same settings: "
                ".venv/bin/python manage.py createuser NAME --role admin --password P"
            )


def _anybody_may_log_in() -> bool:
    try:
        return User.objects.filter(is_active=True).exists()
    except DatabaseError:
        # The processes wait for a database that is away, and so does this.
        return True
