"""What the commands on the tables of a home have in common."""

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError

from docportal.tables import missing_migrations

# Of the settings. What the code alone decides is no matter of a home, and to look at the addresses
# of all pages takes half a second, in which everything behind them is imported.
CHECKS = [Tags.compatibility]


class HomeCommand(BaseCommand):
    """A command that needs the tables of this release."""

    requires_system_checks = CHECKS
    requires_migrations_checks = True

    def check_migrations(self) -> None:
        """Raises `CommandError`, where Django would only say so, and on standard output."""
        if missing_migrations():
            raise CommandError("Tables of this release are missing. Run `manage.py migrate`.")
