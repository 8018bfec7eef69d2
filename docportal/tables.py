"""The form of the tables: which migrations they have had, and which they lack."""

import hashlib
import json
from collections.abc import Mapping

from django.conf import settings
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

_APPS = ("docportal", "training", "router", "ingestion")


def applied_migrations(alias: str = "default") -> list[str]:
    return _named(MigrationRecorder(connections[alias]).applied_migrations())


def known_migrations() -> list[str]:
    """Those of this release."""
    return _named(MigrationLoader(None).disk_migrations)


def missing_migrations() -> list[str]:
    """Those that the database lacks, of this release's."""
    return sorted(set(known_migrations()) - set(applied_migrations()))


def _named(migrations: Mapping[tuple[str, str], object]) -> list[str]:
    return sorted(f"{app}.{name}" for app, name in migrations)


def schema() -> str:
    """The sha256 of what our own migrations say: a name alone does not tell two forms apart."""
    digest = hashlib.sha256()
    for app in _APPS:
        for path in sorted((settings.BASE_DIR / app / "migrations").glob("[0-9]*.py")):
            digest.update(json.dumps([app, path.name, path.read_text()]).encode())
    return digest.hexdigest()
