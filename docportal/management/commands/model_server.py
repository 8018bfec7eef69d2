"""Run one of the embedded model servers until it ends, and tell this installation where it is."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from router import serving


class Command(BaseCommand):
    help = "Run an embedded model server. `up` does this for you."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=["llm", "embeddings"])
        parser.add_argument("--port", type=int, default=0, help="Default: any free one.")

    def handle(self, *args: Any, **options: Any) -> None:
        kind = options["kind"]
        start = {"llm": serving.start_llm, "embeddings": serving.start_embeddings}[kind]
        log = settings.DOCPORTAL_HOME / "logs" / f"{kind}-server.log"
        try:
            server = start(log, port=options["port"])
        except serving.ServerFailed as error:
            raise CommandError(str(error)) from error
        serving.announce(server)
        self.stderr.write(f"{kind} answers at {server.url}")
        try:
            server.process.wait()
        finally:
            serving.withdraw(kind)
            server.stop()
        raise CommandError(f"The {kind} server ended ({server.process.returncode}); see {log}.")
