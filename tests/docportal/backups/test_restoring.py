"""A home that was backed up, destroyed and restored elsewhere is the same."""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docportal.backups.folder import BackupFolder
from docportal.management.commands.up import services
from tests.docportal.backups.conftest import Install
from tests.docportal.backups.installations import Installation, on_postgres
from tests.people import PASSWORD
from tests.scripted_llm import scripted_llm

# On services of their own, too: see tests/conftest.py.
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(400)]

# What everybody finds, is answered and may read, in one process.
TELL = """
    import io, json, sys
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client
    from ingestion.models import DocumentVersion
    from router.models import ModelVersion
    from training.models import TrainingRun

    def timeless(told):
        if isinstance(told, dict):
            kept = (one for one in told.items() if not one[0].endswith("_ms") and one[0] != "ms")
            return {name: timeless(one) for name, one in kept}
        return [timeless(one) for one in told] if isinstance(told, list) else told

    given = json.loads(sys.argv[1])
    settings.ALLOWED_HOSTS = ["testserver"]
    said = {}
    for person in ("reader", "engineer", "admin"):
        for question in given["questions"]:
            for command in ("search", "ask"):
                out = io.StringIO()
                call_command(command, question, "--user", person, "--json", stdout=out)
                said[f"{command} {person} {question}"] = timeless(json.loads(out.getvalue()))
    client, session = Client(), Client()
    entered = client.post("/accounts/login/", {"login": "reader", "password": given["password"]})
    logged_in = entered.status_code == 302
    cookie = client.cookies["sessionid"].value
    session.cookies["sessionid"] = given.get("cookie") or cookie
    page = session.get("/docs/")
    fields = ("document__path", "number", "sha256", "note", "state", "published_revision",
              "withdrawn_revision")
    rows = DocumentVersion.objects.order_by("pk").values_list(*fields)
    print(json.dumps({
        "said": said,
        "cookie": cookie,
        "reader": [logged_in, page.status_code, "codes.md" in page.content.decode()],
        "versions": [list(row) for row in rows],
        "models": [[one.name, one.stage] for one in ModelVersion.objects.order_by("pk")],
        "runs": [[one.number, one.state] for one in TrainingRun.objects.order_by("pk")],
    }))
"""
CRANE, CODE = "What does a crane cost?", "What is the zebra code?"
VERSIONS = """
    from ingestion.models import DocumentVersion
    print(list(DocumentVersion.objects.values_list("document__path", "number", "sha256")))
"""


def told(portal: Installation, cookie: str = "") -> dict[str, Any]:
    given = {"questions": [CRANE, CODE], "password": PASSWORD, "cookie": cookie}
    ended = portal.run(TELL, json.dumps(given))
    assert ended.code == 0, ended.err
    result: dict[str, Any] = ended.json
    return result


def tuned_files(portal: Installation) -> dict[str, bytes]:
    root = portal.home / "tuned"
    files = (path for path in root.rglob("*.*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_destroyed_home_is_restored_elsewhere_with_the_same_answers(
    install: Install, whole: Installation, tmp_path: Path
) -> None:
    before, after = install("before", like=whole), install("after")
    with scripted_llm() as llm:
        llm.will_say("The crane costs 90 EUR. [1]")
        before.environment["LLM_URL"] = after.environment["LLM_URL"] = llm.url
        then, tuned = told(before), tuned_files(before)
        backup = before.done("backup", tmp_path / "backups", "--json").json
        before.destroy()
        restored = after.done("restore", tmp_path / "backups", "--json").json
        now = told(after, then["cookie"])
    assert backup["problems"] == restored["notes"] == []
    assert restored["counts"] == backup["counts"]
    assert after.problems() == []

    assert now["said"] == then["said"]
    assert (now["versions"], now["models"]) == (then["versions"], then["models"])
    answer = now["said"][f"ask engineer {CRANE}"]
    assert "90 EUR" in answer["answer"]
    assert answer["citations"][0]["path"] == "fees.md"
    assert "4711" in json.dumps(now["said"][f"search reader {CODE}"])
    assert "4711" not in json.dumps(now["said"][f"search admin {CODE}"])
    assert now["reader"] == then["reader"] == [True, 200, True], "by password and by old session"
    assert tuned_files(after) == tuned
    assert len(tuned) > 4
    assert [state for _, state in then["runs"]] == ["promoted", "evaluating"]
    assert [state for _, state in now["runs"]] == ["promoted", "queued"], "it trains anew"
    assert oct((after.home / "secret_key").stat().st_mode)[-3:] == "600"


# --- Refused, and nothing changed -----------------------------------------------------------------


def state_of(portal: Installation) -> tuple[str, list[str]]:
    """Its rows and its files but those of SQLite itself."""
    files = [str(path.relative_to(portal.home)) for path in portal.home.rglob("*")]
    kept = [path for path in files if "sqlite3" not in path and "broker" not in path]
    return portal.run(VERSIONS).out, sorted(kept)


def a_file(backups: Path, name: str = "originals/") -> Path:
    folder = BackupFolder(backups)
    files = json.loads(folder.lists()[-1].read_text())["files"]
    return next(folder.file(one["sha256"]) for path, one in files.items() if path.startswith(name))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda backups: flip(a_file(backups)), "was changed"),
        (lambda backups: flip(a_file(backups, "database")), "database"),
        (lambda backups: a_file(backups, "tuned/").unlink(), "is missing"),
        (lambda backups: os.truncate(a_file(backups, "datasets/"), 3), "was changed"),
        (lambda backups: flip(BackupFolder(backups).lists()[-1]), "the list itself"),
        (lambda backups: BackupFolder(backups).lists()[-1].unlink(), "no finished backup"),
    ],
    ids=["flipped", "flipped database", "missing", "cut off", "flipped list", "no list"],
)
def test_damaged_backup_is_refused_before_anything_is_changed(
    install: Install, backups: Path, damage: Callable[[Path], object], says: str
) -> None:
    damage(backups)
    portal = install("refusing")
    ended = portal.manage("restore", backups)
    assert ended.code == 1
    assert says in ended.err
    assert not (portal.home / "db.sqlite3").exists()
    assert not (portal.home / "files").exists()


def test_home_that_is_not_empty_is_replaced_only_when_that_is_asked(
    install: Install, migrated: Installation, kept: Path
) -> None:
    portal = install("full", like=migrated)
    (portal.home / "sources").mkdir()
    (portal.home / "sources" / "other.md").write_text("# Other\n\nThe other ramp is steep.\n")
    portal.done("ingest", portal.home / "sources", "--collection", "Other")
    before = state_of(portal)
    refused = portal.manage("restore", kept)
    assert refused.code == 1
    assert "1 collections" in refused.err
    assert "--replace" in refused.err
    assert state_of(portal) == before
    portal.done("restore", kept, "--replace")
    assert portal.problems() == []
    assert portal.done("search", "other ramp", "--collection", "wiki", "--json").json["hits"]
    assert "other.md" not in portal.run(VERSIONS).out


@pytest.mark.any_database
def test_home_of_a_killed_restore_starts_nothing_until_it_was_run_again(
    install: Install, whole: Installation, kept: Path
) -> None:
    portal = install("halfway", like=whole)
    (portal.home / ".restoring").touch()
    for command in (("check",), ("up", "--port", "1"), ("backup", portal.home / "b")):
        refused = portal.manage(*command)
        assert refused.code == 1
        assert "docportal.E015" in refused.err
    portal.done("restore", kept)
    portal.done("check")


STARTED = {one.name: [*one.command] for one in services("127.0.0.1", 0)}


@pytest.mark.any_database
@pytest.mark.parametrize(
    "command",
    [
        STARTED["web"],
        STARTED["worker"],
        STARTED["trainer"],
        [sys.executable, "-m", "celery", "-A", "docportal", "beat", "--pidfile", ""],
    ],
    ids=["web", "worker", "trainer", "beat"],
)
def test_no_process_starts_in_a_half_restored_home(install: Install, command: list[str]) -> None:
    portal = install("half")
    (portal.home / ".restoring").touch()
    ended = portal.ended(command)
    assert ended.code == 1
    assert "docportal.E015" in ended.err
    assert "run `manage.py restore` with the same backup again" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.any_database
def test_portal_whose_workers_live_is_not_replaced(
    install: Install, migrated: Installation, kept: Path
) -> None:
    portal = install("running", like=migrated)
    tell = "from docportal.workers import tell; tell('celery@harbour')"
    assert portal.run(tell).code == 0
    refused = portal.manage("restore", kept, "--replace")
    assert refused.code == 1
    assert "celery@harbour" in refused.err
    assert "Stop web, workers and trainers" in refused.err


def test_backup_of_other_migrations_or_another_database_says_what_to_do(
    install: Install, whole: Installation, backups: Path
) -> None:
    portal = install("other")
    known = json.loads(BackupFolder(backups).lists()[-1].read_text())["migrations"]
    rewritten(backups, migrations=[*known, "docportal.0002_later"], docportal="0.2.0")
    refused = portal.manage("restore", backups)
    assert refused.code == 1
    assert "docportal.0002_later" in refused.err
    assert "Install the release that made it" in refused.err
    other = "sqlite" if on_postgres() else "postgresql"
    rewritten(backups, migrations=known[1:])
    refused = portal.manage("restore", backups)
    assert refused.code == 1
    assert known[0] in refused.err
    rewritten(backups, migrations=known, database=other)
    refused = portal.manage("restore", backups)
    assert refused.code == 1
    assert "One is not turned into the other" in refused.err


# As the release after this one leaves it.
LATER = """
    from django.db import connection
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE docportal_later (id integer PRIMARY KEY)")
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('docportal', '0099_later', CURRENT_TIMESTAMP)"
        )
"""
TABLES = """
    from django.db import connection
    print("docportal_later" in connection.introspection.table_names())
"""


def test_backup_of_a_database_of_the_release_after_comes_back_here(
    install: Install, whole: Installation, tmp_path: Path
) -> None:
    """Who went back by one release has backups that can be restored."""
    before, after = install("ahead", like=whole), install("behind")
    assert before.run(LATER).code == 0
    before.done("backup", tmp_path / "b")
    after.done("restore", tmp_path / "b")
    assert after.run(TABLES).out == "True\n"
    after.done("search", "crane", "--json")


def test_tables_of_the_release_after_do_not_outlive_what_is_replaced(
    install: Install, migrated: Installation, kept: Path
) -> None:
    portal = install("replaced", like=migrated)
    assert portal.run(LATER).code == 0
    ended = portal.manage("restore", kept, "--replace")
    if on_postgres():
        assert ended.code == 1
        assert "docportal.0099_later" in ended.err
        assert "an empty database" in ended.err
        assert portal.run(TABLES).out == "True\n"
    else:
        assert ended.code == 0, ended.err
        assert portal.run(TABLES).out == "False\n"


def rewritten(backups: Path, **values: Any) -> None:
    """The newest list says something else, and is named by what it says now."""
    path = BackupFolder(backups).lists()[-1]
    content = json.dumps(json.loads(path.read_text()) | values).encode()
    name = f"{path.name.partition('-')[0]}-{hashlib.sha256(content).hexdigest()[:16]}.json"
    path.unlink()
    (backups / name).write_bytes(content)


@pytest.mark.any_database
@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "originals/../../outside"])
def test_list_that_leads_outside_the_home_is_refused(
    install: Install, backups: Path, name: str
) -> None:
    path = BackupFolder(backups).lists()[-1]
    files = json.loads(path.read_text())["files"]
    rewritten(backups, files=files | {name: files["database"]})
    refused = install("outside").manage("restore", backups)
    assert refused.code == 1
    assert "outside itself" in refused.err


@pytest.mark.skipif(on_postgres(), reason="PostgreSQL has files of its own")
def test_restore_that_finds_no_room_leaves_the_home_as_it_was(
    install: Install, kept: Path, whole: Installation
) -> None:
    portal = install("narrow", like=whole)
    before = state_of(portal)
    # No file may grow beyond this: the database does.
    ended = portal.ended(
        ["prlimit", "--fsize=65536", *portal.command("restore", kept, "--replace")]
    )
    assert ended.code == 1, ended.err
    assert "CommandError" in ended.err
    assert state_of(portal) == before
    assert portal.problems() == []
