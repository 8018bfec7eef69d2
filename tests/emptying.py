"""How the tables of a test that commits are emptied."""

from collections.abc import Callable

import pytest
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations

from docportal.roles import grant_permissions
from ingestion.append_only import NOT_REMOVED, TABLE

# What the migrations fill and no test changes: Django would look for each of their rows anew.
KEPT = frozenset({"auth_permission", "django_content_type"})


def made_quick(patch: pytest.MonkeyPatch) -> None:
    """Has each test keep what the migrations filled, and the roles granted anew."""
    operations = type(connection.ops)
    emptied = _statements if connection.vendor == "postgresql" else operations.sql_flush
    patch.setattr(operations, "sql_flush", _of_tests(emptied))
    patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: grant_permissions())


def _of_tests(emptied: Callable[..., list[str]]) -> Callable[..., list[str]]:
    def statements(
        operations: BaseDatabaseOperations, style: object, tables: list[str], **options: bool
    ) -> list[str]:
        own = [table for table in tables if table not in KEPT]
        return emptied(operations, style, own, **options)

    return statements


def _statements(
    operations: BaseDatabaseOperations, _style: object, tables: list[str], **_: bool
) -> list[str]:
    """On PostgreSQL the few rows of a test are gone in milliseconds, where TRUNCATE makes all files
    of all tables and indexes anew, which takes up to a second.

    As with TRUNCATE, transactions that have begun are waited for: they may still write.
    """
    names = [operations.quote_name(name) for name in tables]
    emptied = [f"DELETE FROM {name}" for name in names]  # noqa: S608 -- names of our own tables
    if TABLE in tables:
        # Its owner may do what the product never does.
        emptied.insert(0, f"ALTER TABLE {TABLE} DISABLE TRIGGER {NOT_REMOVED}")
        emptied.append(f"ALTER TABLE {TABLE} ENABLE TRIGGER {NOT_REMOVED}")
    return [f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE", *emptied] if names else []
