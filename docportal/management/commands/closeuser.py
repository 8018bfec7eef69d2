"""Close an account: its sessions and tokens end at once; what its person did stays."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from docportal.management.base import HomeCommand
from docportal.models import User
from ingestion.audit import record


class Command(HomeCommand):
    help = "Close an account; `createuser` with the same name opens it again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        with transaction.atomic():
            closed = User.objects.filter(username=name, is_active=True).update(is_active=False)
            if closed:
                record(None, "closed an account", detail=name)
        if not closed:
            raise CommandError(f"There is no open account {name!r}.", returncode=2)
        self.stdout.write(f"Closed {name}: no login, session or token of it is worth anything.")
