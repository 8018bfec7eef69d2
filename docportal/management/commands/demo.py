"""The whole product with a sample company: its people, its documents, its first model."""

import shutil
from collections.abc import Iterable
from typing import Any

from django.core.management import CommandError, call_command

from docportal import demo
from docportal.management.commands import up
from docportal.models import User
from docportal.supervisor import Service
from ingestion.models import Collection
from training import runs
from training.models import TrainingRun

PASSWORD = "demo-password"  # noqa: S105  Printed at the start; on loopback but for --host.
PEOPLE = {"engineer": ["engineer"], "writer": ["writer", "security"], "admin": ["admin"]}
# For the first model, of the systems: its training, evaluation, gate and promotion. What stands in
# the other collections is answered from passages.
MINUTES = 6.75
# Until the documents are read, and what an evaluation takes beyond its share.
MORE_MINUTES = 1.25


class Command(up.Command):
    help = "Run the whole product with a sample company's documents; Ctrl-C stops everything."

    def handle(self, *args: Any, **options: Any) -> None:
        _check_accounts()
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
            runs.request(
                collections=[Collection.objects.get(name=demo.TAUGHT)],
                by=User.objects.get(username="admin"),
                max_minutes=MINUTES,
                promote_when_passed=True,
                reason="The first model of the sample company",
            )
            self.stdout.write(
                f"A model is trained on {demo.TAUGHT} in about {MINUTES + MORE_MINUTES:.0f} "
                "minutes: the admin sees how at /training/."
            )


def _check_accounts() -> None:
    """Raises `CommandError` where an account of somebody else has a name of the demo's people: it
    would get a password that everybody knows, and other groups."""
    others = [
        user.username
        for user in User.objects.filter(username__in=PEOPLE).order_by("username")
        if not user.check_password(PASSWORD)
    ]
    if others:
        raise CommandError(
            f"This home has accounts that the demo would make its own: {', '.join(others)}. "
            "Nothing was changed. Give the demo a home to itself: DOCPORTAL_HOME=var/demo make demo"
        )
