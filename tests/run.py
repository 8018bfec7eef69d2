"""`make test`: the suite on the embedded default, and beside it what meets a database or a broker
again on PostgreSQL and Redis (tests/conftest.py says which). `make drill`: the same with what takes
minutes, one after the other; what breaks a whole installation brings its own PostgreSQL and Redis,
and runs in the first round.

The second round runs when both services answer, and what it says comes at the end; the journeys run
where there is a browser. With CI=true all are expected, and what is absent fails the run before it
begins; elsewhere it is said plainly what was skipped. Also with CI=true a test that fails is run
once more, as a machine that others share keeps it waiting now and then; the summary names it
(RERUN), and whoever reads that mends the test.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psycopg
import redis

from router import tether
from tests.browser import NO_BROWSER, browser
from tests.ports import LOOPBACK, free_port

DATABASE_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
BROKER_URL = os.environ.get("TEST_BROKER_URL", "redis://127.0.0.1:6379/15")


def main() -> int:
    services = _missing_services()
    missing = services if browser() else [*services, NO_BROWSER]
    if missing and os.environ.get("CI") == "true":
        print(f"FAILED: CI expects what is not there: {'; '.join(missing)}")
        return 1
    with _embedding_server() as url:
        code = _rounds(sys.argv[1:], services, {"TEST_EMBEDDINGS_URL": url})
    if NO_BROWSER in missing:
        print(f"SKIPPED: the journeys in a browser, because of {NO_BROWSER}")
    return code


@contextlib.contextmanager
def _embedding_server() -> Iterator[str]:
    """The real one, which all processes of both rounds ask (tests/model_servers.py): a start of it
    takes longer than most files of tests. It may not answer yet."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="docportal-embeddings-") as home:
        command = [sys.executable, "manage.py", "model_server", "embeddings", "--port", str(port)]
        server = subprocess.Popen(
            [sys.executable, tether.__file__, str(os.getpid()), *command],
            env=os.environ | {"DOCPORTAL_HOME": home},
            start_new_session=True,
        )
        try:
            yield f"http://{LOOPBACK}:{port}/v1"
        finally:
            server.kill()
            server.wait()


def _rounds(arguments: list[str], missing: list[str], shared: dict[str, str]) -> int:
    what = "the embedded default (SQLite, filesystem broker)"
    first = _started(what, shared, arguments, workers=3)
    if missing:
        code = _ended(first)
        print(f"SKIPPED: the round on PostgreSQL and Redis, because of {'; '.join(missing)}")
        return code
    database = urlsplit(DATABASE_URL)._replace(path=f"/docportal_{uuid.uuid4().hex[:8]}")
    services = shared | {"DATABASE_URL": database.geturl(), "CELERY_BROKER_URL": BROKER_URL}
    # Nothing here ends the server, so no commit need wait for its disk.
    services |= {"PGOPTIONS": "-c synchronous_commit=off"}
    if any("drill" in one for one in arguments):
        _ended(first)  # How long it takes to recover is measured.
    # The table of what was broken is that of the first round.
    told = ("--drill-table", "--drill-record")
    arguments = [one for one in arguments if not one.startswith(told)]
    with tempfile.TemporaryFile() as said:
        second = _started("PostgreSQL and Redis", services, arguments, workers=2, output=said)
        code = _ended(first, second)
        said.seek(0)
        shutil.copyfileobj(said, sys.stdout.buffer)
    return code


def _started(
    what: str,
    environment: dict[str, str],
    arguments: list[str],
    *,
    workers: int,
    output: IO[bytes] | None = None,
) -> "subprocess.Popen[bytes]":
    """A round of so many processes, more than there are cores, as they wait for those that they
    start half of the time; what it says goes to `output`, if that is given."""
    command = [sys.executable, "-m", "pytest", "-n", str(workers), "--dist", "loadgroup"]
    command += ["--no-loadscope-reorder", *arguments]  # tests/conftest.py has put them in order
    command += ["--reruns", "1"] if os.environ.get("CI") == "true" else []
    unset = {"DATABASE_URL", "CELERY_BROKER_URL"}
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    heading = f"\n=== Tests on {what} ==="
    if output is None:
        print(heading, flush=True)
    else:
        output.write(f"{heading}\n".encode())
        output.flush()
    tethered = [sys.executable, tether.__file__, str(os.getpid()), *command]
    process = subprocess.Popen(
        tethered, env={**inherited, **environment}, stdout=output, start_new_session=True
    )
    # Trainings step back behind everything, and get nothing beside processes that never pause.
    with contextlib.suppress(OSError):
        Path(f"/proc/{process.pid}/autogroup").write_text("19")
    return process


def _ended(*rounds: "subprocess.Popen[bytes]") -> int:
    """The exit code of the first round that failed, once all have ended; 0: none did. Ctrl-C comes
    to us alone, as each has a session of its own."""
    try:
        codes = [one.wait() for one in rounds]
    except KeyboardInterrupt:
        for one in rounds:
            one.send_signal(signal.SIGINT)
        for one in rounds:
            one.wait()
        raise
    return next(filter(None, codes), 0)


def _missing_services() -> list[str]:
    missing = []
    try:
        psycopg.connect(DATABASE_URL, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        missing.append(f"PostgreSQL: {str(error).splitlines()[0]}")
    try:
        redis.Redis.from_url(BROKER_URL, socket_connect_timeout=3).ping()
    except redis.RedisError as error:
        missing.append(f"Redis: {error}")
    return missing


if __name__ == "__main__":
    sys.exit(main())
