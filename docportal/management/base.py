"""What the commands on the tables of a home have in common."""

from django.core.management.base import BaseCommand, CommandError

from docportal.backups.contents import missing_migrations


class HomeCommand(BaseCommand):
    """A command that needs the tables of this release."""

    requires_migrations_checks = True

    def check_migrations(self) -> None:
        """Raises `CommandError`, where Django would only say so, and on standard output."""
        if missing_migrations():
            raise CommandError("Tables of this release are missing. Run `manage.py migrate`.")
