"""How a database is opened, where that is more than its address."""

from pathlib import Path
from typing import Any

import environ

# WAL lets readers go on while one process writes; IMMEDIATE takes the write lock at BEGIN,
# where SQLite waits for it, and not in the middle, where it fails at once.
SQLITE_OPTIONS = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}
# Of one process.
_POOL = {"min_size": 1, "max_size": 8, "timeout": 20}


def configured(url: str, *, home: Path) -> dict[str, Any]:
    """The settings of the database at an address, with what that asks for itself, such as
    `?sslmode=verify-full`; of SQLite in the home where there is no address."""
    found: dict[str, Any] = environ.Env.db_url_config(url or "sqlite://")
    if not url:
        # In an address some letters of a path would mean something else.
        found["NAME"] = str(home / "db.sqlite3")
    asked = found.get("OPTIONS", {})
    if found["ENGINE"] == "django.db.backends.sqlite3":
        return {**found, "OPTIONS": {**SQLITE_OPTIONS, **asked}}
    return {**found, "CONN_HEALTH_CHECKS": True, "OPTIONS": {**asked, "pool": _POOL}}
