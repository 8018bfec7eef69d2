"""Which of PostgreSQL's programs fit which server."""

from pathlib import Path

import pytest

from docportal.backups.databases import check_client, check_server, variables
from docportal.databases import configured
from ingestion.errors import UserError


@pytest.mark.parametrize(
    ("release", "server"), [("15.20", 15), ("16.11", 15), ("17.7", 17), ("18.1", 17)]
)
def test_program_that_fits_the_server_is_taken(release: str, server: int) -> None:
    check_client("pg_dump", release, server)


@pytest.mark.parametrize(
    ("release", "server", "id"),
    [("14.20", 15, "old-client"), ("17.7", 15, "new-client"), ("18.1", 16, "new-client")],
)
def test_program_that_does_not_is_refused_with_the_package_to_install(
    release: str, server: int, id: str
) -> None:
    with pytest.raises(UserError, match=f"postgresql-client-{server}") as refused:
        check_client("pg_restore", release, server)
    assert refused.value.id == id


def test_dump_is_read_in_only_by_a_server_that_its_client_fits() -> None:
    for made_by, server in (("15.20", 15), ("16.11", 15), ("17.7", 17), ("15.20", 18)):
        check_server(made_by, server)
    with pytest.raises(UserError, match="of PostgreSQL 17 or newer") as refused:
        check_server("17.7", 15)
    assert refused.value.id == "old-server"


def test_programs_speak_with_the_database_as_the_portal_does(tmp_path: Path) -> None:
    asked = "sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=5"
    address = f"postgres://portal:pass@db:5433/docs?{asked}"
    found = variables(configured(address, home=tmp_path))
    assert found["PGSSLMODE"] == "verify-full"
    assert found["PGSSLROOTCERT"] == "/etc/ca.pem"
    assert (found["PGHOST"], found["PGPORT"], found["PGUSER"]) == ("db", "5433", "portal")
    assert (found["PGPASSWORD"], found["PGDATABASE"]) == ("pass", "docs")
    assert "PGSSLMODE" not in variables(configured("postgres://db/docs", home=tmp_path))
