"""Make an account with a role and reader groups, or bring an existing one in line."""

import json
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from docportal.management.base import HomeCommand
from docportal.models import User
from docportal.roles import ROLES
from ingestion.audit import record


class Command(HomeCommand):
    help = "Create a user with a role and reader groups; an existing user is updated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", required=True, choices=sorted(ROLES))
        parser.add_argument("--groups", nargs="*", default=[], metavar="GROUP")
        parser.add_argument("--password", required=True)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        name, role, groups = options["name"], options["role"], options["groups"]
        try:
            User._meta.get_field("username").run_validators(name)
        except ValidationError as error:
            raise CommandError(f"{name!r}: {error.messages[0]}", returncode=2) from error
        if others := sorted(ROLES.keys() & set(groups) - {role}):
            raise CommandError(
                f"{', '.join(others)}: a role is no reader group, and an account has one role. "
                "Leave it out of --groups, or say it with --role.",
                returncode=2,
            )
        with transaction.atomic():
            user, created = User.objects.get_or_create(username=name)
            user.set_password(options["password"])
            user.is_active = True
            user.save()
            user.groups.set(
                Group.objects.get_or_create(name=group)[0]
                for group in dict.fromkeys([role, *groups])
            )
            verb = "made an account" if created else "changed an account"
            record(None, verb, detail=f"{name}: {', '.join([role, *groups])}")
        result = {"user": name, "role": role, "groups": groups, "created": created}
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            self.stdout.write(f"{'Created' if created else 'Updated'} {role} {name}.")
