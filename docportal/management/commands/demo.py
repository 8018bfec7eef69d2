"""The whole product with a sample company: its people, its documents, its first model."""

import shutil
from collections.abc import Iterable
from typing import Any

from django.core.management import call_command

from docportal import demo
from docportal.management.commands import up
from docportal.management.commands.demo_benchmark import MINUTES, MORE_MINUTES
from docportal.models import User
from docportal.supervisor import Service
from training.models import TrainingRun

PASSWORD = "demo-password"  # noqa: S105  Printed at the start, on loopback only.
PEOPLE = {"engineer": ["engineer"], "writer": ["writer", "security"], "admin": ["admin"]}


class Command(up.Command):
    help = "Run the whole product with a sample company's documents; Ctrl-C stops everything."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, roles in PEOPLE.items():
            call_command(
                *("createuser", name, "--role", roles[0], "--password", PASSWORD),
                *("--groups", *roles[1:]),
                stdout=self.stderr,
            )
        super().handle(*args, **options)

    def services(self, host: str, port: int) -> Iterable[Service]:
        yield from super().services(host, port)
        # Behind whoever looks around meanwhile. By its path, as the supervisor asks for a program.
        nice = shutil.which("nice") or "/usr/bin/nice"
        after = [nice, "-n", "10", *up.MANAGE, "demo_benchmark"]
        yield Service("benchmark", after, {"PYTHONUNBUFFERED": "1"}, is_task=True)

    def started(self) -> None:
        self.stdout.write(f"Sign in as engineer, writer or admin; the password is {PASSWORD}")
        demo.bring_in(User.objects.get(username="writer"))
        self.stdout.write("The documents are uploaded; the library shows how they get ready.")
        if not TrainingRun.objects.exists():
            # By `demo_benchmark`, when they are read: nobody could end us while we waited for it.
            self.stdout.write(
                f"A model is trained on {demo.TAUGHT} in about {MINUTES + MORE_MINUTES:.0f} "
                "minutes: the admin sees how at /training/."
            )
