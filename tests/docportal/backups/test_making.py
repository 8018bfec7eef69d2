"""A backup is whole or not there: killed, beside uploads, without room, a second time."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from docportal.backups import folder
from docportal.backups.folder import BackupFolder
from ingestion.errors import UserError
from tests.docportal.backups.conftest import Install
from tests.docportal.backups.installations import Ended, Installation, on_postgres
from tests.drill.table import Drill

# On services of their own, too: see tests/conftest.py.
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]

KILLING = "tests.docportal.backups.killing"

# Uploads new versions and registers and prunes models for ever, and tells of each round.
BUSY = """
    import io, itertools, sys
    from pathlib import Path
    from docportal.pipeline import process
    from ingestion import services
    from ingestion.models import Collection
    from router import registry
    from tests.model_files import Workshop
    from training.synthesis.versions import mine_version

    wiki = Collection.objects.get(slug="wiki")
    workshop = Workshop(Path(sys.argv[1]))
    for edition in itertools.count():
        text = f"# Berth {edition % 3}\\n\\nThe berth of edition {edition} is {edition} m long.\\n"
        change = services.add_version(
            collection=wiki, path=f"berth-{edition % 3}.md", content=io.BytesIO(text.encode()),
            author=None, enqueue=False,
        )
        process(change.version.pk)
        mine_version(change.version.pk)
        workshop.candidate()
        registry.prune(1)
        print("round", edition, flush=True)
"""
LOOK = """
    import json
    from docportal.backups import contents, unfinished
    from docportal.integrity_checks import check
    is_whole = not unfinished().exists()
    print(json.dumps({
        "whole": is_whole,
        "counts": contents.counts() if is_whole else {},
        "problems": check().problems_as_json() if is_whole else [],
    }))
"""


def look(portal: Installation) -> dict[str, Any]:
    """Whether no restore is under way, what there is then, and what is wrong with it."""
    ended = portal.run(LOOK)
    assert ended.code == 0, ended.err
    result: dict[str, Any] = ended.json
    return result


def every_list_is_whole(path: Path) -> int:
    """How many backups there are."""
    there = BackupFolder(path)
    for one in there.lists():
        assert there.damage(folder.read(one)) == []
    return len(there.lists())


# --- A second time --------------------------------------------------------------------------------


@pytest.mark.any_database
def test_second_backup_copies_what_is_new_and_older_ones_can_be_removed(
    whole: Installation, tmp_path: Path
) -> None:
    first = whole.done("backup", tmp_path / "b", "--json").json
    assert first["problems"] == []
    assert first["new_files"] > 10
    second = whole.done("backup", tmp_path / "b", "--json").json
    assert second["files"] == first["files"]
    assert second["new_files"] <= 1, "the database"
    assert every_list_is_whole(tmp_path / "b") == 2
    third = whole.done("backup", tmp_path / "b", "--keep", "1", "--json").json
    assert third["removed"] == [Path(one["backup"]).name for one in (first, second)]
    assert every_list_is_whole(tmp_path / "b") == 1
    listed = folder.read(Path(third["backup"])).files.values()
    files = {path.name for path in (tmp_path / "b" / "files").rglob("*") if path.is_file()}
    assert files == {one.sha256 for one in listed}


@pytest.mark.any_database
def test_file_of_an_earlier_backup_that_went_bad_is_copied_anew(
    whole: Installation, backups: Path
) -> None:
    there = BackupFolder(backups)
    (before,) = there.lists()
    listed = next(
        one for name, one in folder.read(before).files.items() if name.startswith("tuned/")
    )
    there.file(listed.sha256).write_bytes(b"rotten")
    assert there.damage(folder.read(before))
    whole.done("backup", backups)
    assert every_list_is_whole(backups) == 2


@pytest.mark.any_database
def test_folder_with_other_things_is_not_taken_for_backups(
    whole: Installation, tmp_path: Path
) -> None:
    (tmp_path / "letters.txt").write_text("Dear harbour master")
    refused = whole.manage("backup", tmp_path)
    assert refused.code == 1
    assert "holds other things" in refused.err
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


@pytest.mark.any_database
def test_two_backups_at_once_do_not_mix(whole: Installation, tmp_path: Path) -> None:
    with folder.writing(tmp_path / "b"):
        refused = whole.manage("backup", tmp_path / "b")
    assert refused.code == 1
    assert "Another backup is being written" in refused.err
    assert every_list_is_whole(tmp_path / "b") == 0


@pytest.mark.any_database
def test_backup_of_a_home_that_lost_something_says_so_and_keeps_the_rest(
    install: Install, whole: Installation, tmp_path: Path
) -> None:
    portal = install("lossy", like=whole)
    lost, changed = sorted((portal.home / "files" / "originals").glob("??/*"))[:2]
    lost.unlink()
    changed.write_bytes(b"rotten")
    ended = portal.manage("backup", tmp_path / "b", "--json")
    assert ended.code == 1
    assert f"{lost.name} is missing" in ended.err
    assert f"{changed.name} was changed" in ended.err
    assert len(ended.json["problems"]) == 2
    assert every_list_is_whole(tmp_path / "b") == 1
    portal.done("restore", tmp_path / "b", "--replace")
    assert {one["kind"] for one in portal.problems()} == {"original-missing", "original-changed"}


@pytest.mark.any_database
def test_lost_original_comes_from_the_backup_before(
    install: Install, whole: Installation, backups: Path
) -> None:
    portal = install("healed", like=whole)
    next(portal.home.glob("files/originals/??/*")).write_bytes(b"rotten")
    portal.done("backup", backups)
    portal.done("restore", backups, "--replace")
    assert portal.problems() == []


def test_database_that_was_not_migrated_is_refused(install: Install, tmp_path: Path) -> None:
    refused = install("bare").manage("backup", tmp_path / "b")
    assert refused.code == 1
    assert "nothing to back up" in refused.err


# --- Room -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("bytes_at_most", [65_536, 700_000])
def test_backup_that_finds_no_room_leaves_none(
    install: Install, whole: Installation, tmp_path: Path, bytes_at_most: int
) -> None:
    """No file may grow beyond this: once the database does, once an original."""
    portal = install("narrow", like=whole)
    (portal.home / "sources").mkdir()
    lines = "".join(f"Crane {number} lifts {number * 7} tonnes.\n\n" for number in range(40_000))
    (portal.home / "sources" / "cranes.txt").write_text(lines)
    upload = """
        import io, sys
        from pathlib import Path
        from ingestion import services
        from ingestion.models import Collection
        services.add_version(
            collection=Collection.objects.get(slug="wiki"), path="cranes.txt",
            content=io.BytesIO(Path(sys.argv[1]).read_bytes()), author=None, enqueue=False,
        )
    """
    ended = portal.run(upload, str(portal.home / "sources" / "cranes.txt"))
    assert ended.code == 0, ended.err
    limited = ["prlimit", f"--fsize={bytes_at_most}", *portal.command("backup", tmp_path / "b")]
    refused = portal.ended(limited)
    assert refused.code == 1, refused.err
    assert "CommandError" in refused.err
    assert every_list_is_whole(tmp_path / "b") == 0
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [".lock", "files"]
    portal.done("backup", tmp_path / "b")
    assert every_list_is_whole(tmp_path / "b") == 1


def test_room_is_looked_at_first(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    one, two = tmp_path / "not" / "there", tmp_path
    folder.require_room({one: 1, two: 1}, "The backup")
    for needed in ({one: 2 * free}, {one: free * 2 // 3, two: free * 2 // 3}):
        with pytest.raises(UserError, match="Make room there"):
            folder.require_room(needed, "The backup")


@pytest.mark.skipif(not on_postgres(), reason="SQLite needs no other program")
def test_absent_client_program_is_told(whole: Installation, tmp_path: Path) -> None:
    nothing = tmp_path / "bin"
    nothing.mkdir()
    path, whole.environment["PATH"] = whole.environment["PATH"], str(nothing)
    try:
        refused = whole.manage("backup", tmp_path / "b")
        old = nothing / "pg_dump"
        old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
        old.chmod(0o755)
        whole.environment["PATH"] = f"{nothing}:{path}"
        outdated = whole.manage("backup", tmp_path / "b")
    finally:
        whole.environment["PATH"] = path
    assert refused.code == outdated.code == 1
    assert "pg_dump is not installed here. Install" in refused.err
    assert "pg_dump is of release 9.6.24" in outdated.err


# --- Meanwhile, and killed ------------------------------------------------------------------------


@pytest.mark.slow
def test_backups_beside_uploads_and_new_models_are_each_whole(
    install: Install, whole: Installation, tmp_path: Path
) -> None:
    portal = install("busy", like=whole)
    busy = portal.start(BUSY, str(tmp_path / "workshop"))
    assert busy.stdout is not None
    made = []
    try:
        assert busy.stdout.readline().startswith("round")
        for _ in range(3):
            made.append(portal.done("backup", tmp_path / "b", "--json").json)
            assert busy.stdout.readline().startswith("round")
        assert busy.poll() is None
    finally:
        busy.kill()
        busy.communicate()
    versions = [one["counts"]["versions"] for one in made]
    assert versions == sorted(versions)
    assert versions[0] < versions[-1]
    assert [one["problems"] for one in made] == [[], [], []]
    for one in made[::2]:
        portal.done("restore", one["backup"], "--replace")
        assert look(portal) == {"whole": True, "counts": one["counts"], "problems": []}


def note_kills(drill: Drill, kind: str, ended: Ended) -> None:
    """What the program says that killed them, each time."""
    assert ended.code == 0, ended.err
    for seconds in ended.json:
        with drill(kind) as breakage:
            breakage.seconds = seconds


def test_backup_killed_at_any_moment_is_not_there(
    whole: Installation, tmp_path: Path, drill: Drill
) -> None:
    ended = whole.module(KILLING, str(drill.times), "backup", tmp_path / "b")
    note_kills(drill, "Backup killed at any moment", ended)


def test_restore_killed_at_any_moment_is_run_again(
    install: Install, kept: Path, tmp_path: Path, drill: Drill
) -> None:
    portal = install("killed")
    portal.done("restore", kept)
    remove = "from router.models import Answer; Answer.objects.all().delete()"
    assert portal.run(remove).code == 0
    portal.done("backup", tmp_path / "old")
    portal.destroy()
    again = install("killed")
    ended = again.module(KILLING, str(drill.times), "restore", kept, tmp_path / "old")
    note_kills(drill, "Restore killed at any moment", ended)
    assert list(again.home.rglob(".restoring")) == []
