"""Run embedded model servers until they end, and tell this installation where they are."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from router import processes, serving
from router.tuned_servers import keep_tuned_servers

SPAWN = {"llm": processes.spawn_llm, "embeddings": processes.spawn_embeddings}


class Command(BaseCommand):
    help = "Run an embedded model server, or those of the tuned models. `up` does this for you."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=[*SPAWN, "tuned"])
        parser.add_argument(
            "--host",
            default=processes.LOOPBACK,
            help="A name of this machine, by which the others of this installation reach it. "
            "Keep it on a private network: whoever reaches it may ask. Default: this machine only.",
        )
        parser.add_argument("--port", type=int, default=0, help="Default: any free one.")

    def handle(self, *args: Any, **options: Any) -> None:
        logs: Path = settings.DOCPORTAL_HOME / "logs"
        if options["kind"] == "tuned":
            keep_tuned_servers(logs, host=options["host"], until=_told_to_end())
        else:
            self._run_one(options["kind"], logs, host=options["host"], port=options["port"])

    def _run_one(self, kind: str, logs: Path, *, host: str, port: int) -> None:
        log = logs / f"{kind}-server.log"
        try:
            server = SPAWN[kind](log, host=host, port=port).wait()
        except processes.ServerFailed as error:
            raise CommandError(str(error)) from error
        serving.announce(server)
        self.stderr.write(f"{kind} answers at {server.url}")
        try:
            server.process.wait()
        finally:
            serving.withdraw(kind)
            server.stop()
        raise CommandError(f"The {kind} server ended ({server.process.returncode}); see {log}.")


def _told_to_end() -> threading.Event:
    """Set when somebody interrupts (Ctrl-C) or terminates this process."""
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    return told
