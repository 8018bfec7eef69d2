"""`make test`: the suite on the embedded default, then what meets a database or a broker again on
PostgreSQL and Redis (tests/conftest.py says which). `make drill`: the same with what takes minutes;
what breaks a whole installation brings its own PostgreSQL and Redis, and runs in the first round.

The second round runs when both services answer, and the journeys where there is a browser. With
CI=true all are expected, and what is absent fails the run before it begins; elsewhere it is said
plainly what was skipped. Also with CI=true a test that fails is run once more, as a machine that
others share keeps it waiting now and then; the summary names it (RERUN), and whoever reads that
mends the test.
"""

import os
import subprocess
import sys
import uuid
from urllib.parse import urlsplit

import psycopg
import redis

from tests.browser import NO_BROWSER, browser

DATABASE_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
BROKER_URL = os.environ.get("TEST_BROKER_URL", "redis://127.0.0.1:6379/15")


def main() -> int:
    services = _missing_services()
    missing = services if browser() else [*services, NO_BROWSER]
    if missing and os.environ.get("CI") == "true":
        print(f"FAILED: CI expects what is not there: {'; '.join(missing)}")
        return 1
    code = _rounds(sys.argv[1:], services)
    if NO_BROWSER in missing:
        print(f"SKIPPED: the journeys in a browser, because of {NO_BROWSER}")
    return code


def _rounds(arguments: list[str], missing: list[str]) -> int:
    embedded = _pytest("the embedded default (SQLite, filesystem broker)", {}, arguments)
    if missing:
        print(f"SKIPPED: the round on PostgreSQL and Redis, because of {'; '.join(missing)}")
        return embedded
    database = urlsplit(DATABASE_URL)._replace(path=f"/docportal_{uuid.uuid4().hex[:8]}")
    services = {"DATABASE_URL": database.geturl(), "CELERY_BROKER_URL": BROKER_URL}
    # Nothing here ends the server, so no commit need wait for its disk.
    services |= {"PGOPTIONS": "-c synchronous_commit=off"}
    # The table of what was broken is that of the first round.
    told = ("--drill-table", "--drill-record")
    arguments = [one for one in arguments if not one.startswith(told)]
    return embedded or _pytest("PostgreSQL and Redis", services, arguments)


def _pytest(what: str, environment: dict[str, str], arguments: list[str]) -> int:
    print(f"\n=== Tests on {what} ===", flush=True)
    # Three on two cores: they wait for processes that they start half of the time.
    command = [sys.executable, "-m", "pytest", "-n", "3", "--dist", "loadgroup"]
    command += ["--no-loadscope-reorder", *arguments]  # tests/conftest.py has put them in order
    command += ["--reruns", "1"] if os.environ.get("CI") == "true" else []
    unset = {"DATABASE_URL", "CELERY_BROKER_URL"}
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    return subprocess.run(command, env={**inherited, **environment}, check=False).returncode


def _missing_services() -> list[str]:
    missing = []
    try:
        psycopg.connect(DATABASE_URL, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        missing.append(f"PostgreSQL: {str(error).splitlines()[0]}")
    try:
        redis.Redis.from_url(BROKER_URL, socket_connect_timeout=3).ping()
    except redis.ConnectionError as error:
        missing.append(f"Redis: {error}")
    return missing


if __name__ == "__main__":
    sys.exit(main())
