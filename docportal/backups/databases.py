"""A database written down while others go on writing to it, and read in again as a whole.

SQLite by its own backup API; PostgreSQL by `pg_dump` and `pg_restore`, in their custom form.
"""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connection, connections, transaction
from django.db.backends.postgresql.client import DatabaseClient

from ingestion.errors import UserError

FROZEN = "frozen"
_LAST_WORDS = 1_000
# Whoever still uses a table that is to be replaced would be waited for without end.
_PATIENCE = "-c lock_timeout=20s"
# From this release on pg_restore sets `transaction_timeout`, which servers before it refuse.
_SETS_MORE = 17


def kind() -> str:
    """Of the database of the settings: `sqlite` or `postgresql`."""
    return connection.vendor


def client() -> str:
    """The release of what writes a database down. Raises `UserError` as `frozen`."""
    return sqlite3.sqlite_version if kind() == "sqlite" else _release("pg_dump")


def has_tables() -> bool:
    if kind() == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return False  # To ask SQLite would make the file.
    return "django_migrations" in connection.introspection.table_names()


def keeps_unknown_tables() -> bool:
    """Whether `load` replaces the tables of the dump alone; else it replaces the whole database."""
    return kind() != "sqlite"


def size() -> int:
    """Bytes, of which what is written down takes no more."""
    if kind() == "sqlite":
        path = Path(connection.settings_dict["NAME"])
        there = (path, path.with_name(f"{path.name}-wal"))
        return sum(one.stat().st_size for one in there if one.exists())
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


# --- Written down -------------------------------------------------------------------------------
@contextmanager
def frozen(into: Path) -> Iterator[str]:
    """The database as it is at this moment: written to `into`, and an alias by which that very
    state can be asked for as long as the block lasts. Nobody is kept from writing meanwhile.

    Raises `UserError`: `no-client`, `old-client`, `new-client`, `dump-failed`.
    """
    if kind() == "sqlite":
        _copy_sqlite(into)
        with _asked(into):
            yield FROZEN
        return
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        _dump(into, cursor.fetchone()[0])
        yield connection.alias


def _copy_sqlite(into: Path) -> None:
    into.unlink(missing_ok=True)
    os.close(os.open(into, os.O_CREAT | os.O_WRONLY, 0o600))
    try:
        with closing(_opened()) as source, closing(sqlite3.connect(into)) as copy:
            # In one step, so that it is one state; in WAL mode others write all the same.
            source.backup(copy)
            # By itself, without files beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise UserError(
            "dump-failed", f"The database could not be copied to {into.parent}: {error}."
        ) from error


def _opened() -> sqlite3.Connection:
    return sqlite3.connect(connection.settings_dict["NAME"], timeout=20)


@contextmanager
def _asked(path: Path) -> Iterator[None]:
    connections.settings[FROZEN] = {**connection.settings_dict, "NAME": str(path), "OPTIONS": {}}
    try:
        yield
    finally:
        connections[FROZEN].close()
        del connections[FROZEN], connections.settings[FROZEN]


def _dump(into: Path, snapshot: str) -> None:
    _release("pg_dump")
    into.touch(mode=0o600)
    _run("pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={into}", *_ANYBODYS)


# Whose the tables are, and who else may see them, is a matter of the server.
_ANYBODYS = ("--no-owner", "--no-privileges")


# --- Read in ------------------------------------------------------------------------------------
def check_readable(database: str, made_by: str) -> None:
    """Raises `UserError` unless a database of this kind, written by that client, can be read in
    here: `other-database`, `old-server`, `no-client`, `old-client`, `new-client`."""
    if database != kind():
        raise UserError(
            "other-database",
            f"The backup holds a {_NAMES[database]} database, and DATABASE_URL names "
            f"{_NAMES[kind()]}. One is not turned into the other: set DATABASE_URL to an empty "
            f"{_NAMES[database]} database.",
        )
    if database == "sqlite":
        return
    check_server(made_by, _server())
    if _major(_release("pg_restore")) < _major(made_by):
        raise UserError(
            "old-client",
            f"The backup was written by pg_dump {made_by}, which this pg_restore does not read. "
            f"{_install(_major(made_by))}",
        )


def check_server(made_by: str, server: int) -> None:
    """Raises `UserError` unless some pg_restore reads what that pg_dump wrote into such a server:
    `old-server`."""
    if server < _SETS_MORE <= _major(made_by):
        raise UserError(
            "old-server",
            f"The backup was written by pg_dump {made_by}, so only a server of PostgreSQL "
            f"{_SETS_MORE} or newer takes it, and that of DATABASE_URL is of {server}. Set "
            "DATABASE_URL to an empty database of a newer one.",
        )


_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def load(dump: Path) -> None:
    """Put the database of `dump` in the place of that of the settings: all of it, or nothing
    when this process is killed. Raises `UserError` (`load-failed`)."""
    connection.close()
    if kind() == "sqlite":
        _load_sqlite(dump)
        return
    connection.close_pool()  # type: ignore[attr-defined]
    _run(
        *("pg_restore", "--clean", "--if-exists", *_ANYBODYS),
        *("--single-transaction", "--exit-on-error"),
        *(f"--dbname={connection.settings_dict['NAME']}", str(dump)),
    )


def _load_sqlite(dump: Path) -> None:
    uri = f"file:{quote(str(dump))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as source, closing(_opened()) as target:
            source.backup(target)
    except sqlite3.Error as error:
        raise UserError(
            "load-failed", f"The database could not be written, and was left as it was: {error}."
        ) from error


# --- PostgreSQL's programs ----------------------------------------------------------------------
def _run(program: str, *arguments: str) -> None:
    ended = subprocess.run(
        [program, *arguments],
        env=os.environ | variables(connection.settings_dict),
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        said = ended.stderr.strip()[-_LAST_WORDS:]
        how = f"ended with {ended.returncode}"
        raise UserError(
            f"{program}-failed", f"{program} {how}, and nothing was changed. It said: {said}"
        )


def variables(given: Mapping[str, Any]) -> dict[str, str]:
    """By which the programs find the database of these settings, and speak with it as the portal
    does: encrypted, if that is asked for. A password is never an argument."""
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER"}
    found = {variable: str(given[name]) for name, variable in names.items() if given[name]}
    _words, asked = DatabaseClient.settings_to_cmd_args_env(dict(given), [])
    return {**found, **(asked or {}), "PGDATABASE": given["NAME"], "PGOPTIONS": _PATIENCE}


def _release(program: str) -> str:
    """Such as `15.20`. Raises `UserError` where the program is absent or does not fit the server:
    `no-client`, `old-client`, `new-client`."""
    if shutil.which(program) is None:
        raise UserError("no-client", f"{program} is not installed here. {_install(_server())}")
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"\d[\w.]*", told.stdout)
    release = found[0] if found else "0"
    check_client(program, release, _server())
    return release


def check_client(program: str, release: str, server: int) -> None:
    """Raises `UserError` unless a program of this release can write down a database of that server
    so that it can be read in there again: `old-client`, `new-client`."""
    how = f"{program} is of release {release}, and the server of PostgreSQL {server}"
    if _major(release) < server:
        raise UserError("old-client", f"{how}. {_install(server)}")
    if server < _SETS_MORE <= _major(release):
        raise UserError(
            "new-client",
            f"{how}, which takes nothing from a pg_restore of {_SETS_MORE} or newer. "
            f"{_install(server)} Where both are installed, put the folder of these first in PATH.",
        )


def _install(release: int) -> str:
    return (
        f"Install the client programs of PostgreSQL {release}, "
        f"such as the package postgresql-client-{release}."
    )


def _server() -> int:
    """Its release, such as 15."""
    return int(connection.pg_version) // 10_000  # type: ignore[attr-defined]


def _major(release: str) -> int:
    return int(release.partition(".")[0])
