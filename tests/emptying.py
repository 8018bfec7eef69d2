"""How the tables of a test that commits are emptied on PostgreSQL."""

from django.db.backends.postgresql.operations import DatabaseOperations

from ingestion.append_only import NOT_REMOVED, TABLE


def statements(
    operations: DatabaseOperations, _style: object, tables: list[str], **_: bool
) -> list[str]:
    """For `DatabaseOperations.sql_flush`: the few rows of a test are gone in milliseconds, where
    TRUNCATE makes all files of all tables and indexes anew, which takes up to a second.

    As with TRUNCATE, transactions that have begun are waited for: they may still write.
    """
    names = [operations.quote_name(name) for name in tables]
    emptied = [f"DELETE FROM {name}" for name in names]  # noqa: S608 -- names of our own tables
    if TABLE in tables:
        # Its owner may do what the product never does.
        emptied.insert(0, f"ALTER TABLE {TABLE} DISABLE TRIGGER {NOT_REMOVED}")
        emptied.append(f"ALTER TABLE {TABLE} ENABLE TRIGGER {NOT_REMOVED}")
    return [f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE", *emptied] if names else []
