"""The audit log is only ever added to: the database refuses whatever else is done to its rows."""

TABLE = "ingestion_auditevent"
REFUSED = "The audit log is only ever added to."
NOT_CHANGED, NOT_REMOVED = f"{TABLE}_not_changed", f"{TABLE}_not_removed"

_SQLITE = {
    NOT_CHANGED: f"CREATE TRIGGER {NOT_CHANGED} BEFORE UPDATE ON {TABLE} "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
    NOT_REMOVED: f"CREATE TRIGGER {NOT_REMOVED} BEFORE DELETE ON {TABLE} "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
}
# A whole table is emptied in another way (TRUNCATE), by whoever owns it: `manage.py flush`.
_POSTGRESQL = {
    TABLE: f"CREATE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$BEGIN RAISE '{REFUSED}' USING ERRCODE = 'integrity_constraint_violation'; END$$",
    NOT_CHANGED: f"CREATE TRIGGER {NOT_CHANGED} BEFORE UPDATE ON {TABLE} "
    f"FOR EACH ROW EXECUTE FUNCTION {TABLE}_refuse()",
    NOT_REMOVED: f"CREATE TRIGGER {NOT_REMOVED} BEFORE DELETE ON {TABLE} "
    f"FOR EACH ROW EXECUTE FUNCTION {TABLE}_refuse()",
}


def statements(vendor: str) -> dict[str, str]:
    """By name, what makes the triggers in a database of that vendor (`connection.vendor`)."""
    return _SQLITE if vendor == "sqlite" else _POSTGRESQL
