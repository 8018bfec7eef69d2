"""Make a token by which a program acts as somebody."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from docportal.management.base import HomeCommand
from docportal.models import LONGEST_DAYS, ApiToken, User
from docportal.tokens import create_token
from ingestion.errors import UserError


class Command(HomeCommand):
    help = "Make a token for the API; its secret is printed once and kept nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The account that it acts as.")
        parser.add_argument(
            "--scopes", nargs="+", required=True, choices=ApiToken.Scope.values, metavar="SCOPE"
        )
        parser.add_argument(
            "--days", type=int, required=True, help=f"How long it lives: at most {LONGEST_DAYS}."
        )
        parser.add_argument("--label", default="Made by createtoken", help="What it is for.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandError(
                f"There is no user {options['name']!r}. Create one with `createuser`.", returncode=2
            )
        try:
            made = create_token(
                user=user,
                name=options["label"],
                scopes=options["scopes"],
                days=options["days"],
                by=None,
            )
        except UserError as error:
            raise CommandError(str(error), returncode=2) from error
        if not options["json"]:
            self.stdout.write(made.secret)
            return
        result = {
            "token": made.secret,
            "prefix": made.token.prefix,
            "user": user.get_username(),
            "name": made.token.name,
            "scopes": made.token.scopes.split(),
            "expires": made.token.expires_at.isoformat(),
        }
        self.stdout.write(json.dumps(result))
