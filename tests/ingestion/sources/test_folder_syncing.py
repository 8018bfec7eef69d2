"""A watched folder, as its files change."""

import os
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.errors import UploadError, UserError
from ingestion.models import Document, DocumentVersion
from ingestion.sources import services
from ingestion.sources.folder import WatchedFolder
from ingestion.sources.syncing import sync
from tests.ingestion.sources.conftest import Again, Follow
from tests.repositories import guide

pytestmark = pytest.mark.django_db(transaction=True)


def write(file: Path, text: str | bytes, age: float = 60.0) -> None:
    """As if it had been written so many seconds ago."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    moment = time.time() - age
    os.utime(file, (moment, moment))


def there() -> set[str]:
    return set(Document.objects.filter(archived_at=None).values_list("path", flat=True))


def test_changed_files_are_versions_and_the_rest_is_not_read_again(
    folder: Path, follow: Follow, again: Again
) -> None:
    write(folder / "pier.md", guide("pier"))
    write(folder / "ops" / "quay.md", guide("quay"))
    source = follow(folder, "folder")
    assert (source.failure, there()) == ("", {"pier.md", "ops/quay.md"})
    write(folder / "pier.md", guide("pier", "It closes at 20."), age=30)
    quay = folder / "ops" / "quay.md"
    before = quay.stat()
    quay.write_text(guide("quay").replace("8 to 18", "9 to 19"))
    os.utime(quay, ns=(before.st_atime_ns, before.st_mtime_ns))
    source = again(source)
    assert source.report["updated"] == 1, "of the same size and time is the same"
    assert DocumentVersion.objects.filter(document__path="pier.md").count() == 2
    version = DocumentVersion.objects.filter(document__path="pier.md").latest("number")
    assert (version.commit, version.note, version.author) == ("", "", None)


def test_touched_file_is_no_new_version(folder: Path, follow: Follow, again: Again) -> None:
    write(folder / "pier.md", guide("pier"))
    source = follow(folder, "folder")
    write(folder / "pier.md", guide("pier"), age=20)
    source = again(source)
    assert DocumentVersion.objects.count() == 1
    assert source.report["created"] == 1, "what was done last is still told"


def test_other_folder_is_read_although_its_files_look_the_same(
    folder: Path, follow: Follow
) -> None:
    """As those of an archive, which have the times that it says."""
    other = folder.parent / "other"
    other.mkdir()
    for place, hour in ((folder, 18), (other, 20)):
        (place / "pier.md").write_text(guide("pier", f"It closes at {hour}."))
        os.utime(place / "pier.md", (1_700_000_000, 1_700_000_000))
    source = follow(folder, kind="folder")
    services.edit_source(
        source=source,
        actor=None,
        kind="folder",
        location=str(other),
        branch="",
        subfolder="",
        every_minutes=60,
    )
    assert sync(source.pk, enqueue=False)
    assert DocumentVersion.objects.count() == 2


def test_file_that_is_being_written_waits(folder: Path, follow: Follow, again: Again) -> None:
    write(folder / "pier.md", guide("pier"))
    source = follow(folder, "folder")
    write(folder / "pier.md", guide("pier", "Half of"), age=0)
    write(folder / "quay.md", guide("quay"), age=0)
    source = again(source)
    assert source.report["waiting"] == 2
    assert DocumentVersion.objects.count() == 1
    assert there() == {"pier.md"}, "what waits is not gone"
    write(folder / "pier.md", guide("pier", "All of it."))
    write(folder / "quay.md", guide("quay"))
    source = again(source)
    assert (source.report["waiting"], DocumentVersion.objects.count()) == (0, 3)


def test_moved_file_is_the_same_document(folder: Path, follow: Follow, again: Again) -> None:
    write(folder / "pier.md", guide("pier"))
    source = follow(folder, "folder")
    document = Document.objects.get()
    (folder / "north").mkdir()
    (folder / "pier.md").rename(folder / "north" / "pier.md")
    source = again(source)
    assert source.report["moved"] == 1
    assert Document.objects.get().pk == document.pk
    assert there() == {"north/pier.md"}


def test_file_that_moves_where_another_document_was_is_taken_there_at_once(
    folder: Path, follow: Follow, again: Again
) -> None:
    for number in range(6):
        write(folder / f"berth-{number}.md", guide(f"berth {number}"))
    source = follow(folder, "folder")
    (folder / "berth-1.md").unlink()
    source = again(source)
    (folder / "berth-2.md").rename(folder / "berth-1.md")
    source = again(source)
    assert (source.report["moved"], source.report["archived"]) == (0, 1)
    assert there() == {f"berth-{number}.md" for number in (0, 1, 3, 4, 5)}
    assert Document.objects.get(path="berth-1.md").versions.count() == 2


def test_folder_of_the_disk_itself_is_passed_over(folder: Path, follow: Follow) -> None:
    """Only root may look into it."""
    write(folder / "pier.md", guide("pier"))
    write(folder / "lost+found" / "quay.md", guide("quay"))
    follow(folder, "folder")
    assert there() == {"pier.md"}


def test_links_lead_nowhere(folder: Path, follow: Follow, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    write(secret / "codes.md", guide("secret"))
    write(folder / "pier.md", guide("pier"))
    (folder / "codes.md").symlink_to(secret / "codes.md")
    (folder / "inner").symlink_to(secret)
    source = follow(folder, "folder")
    assert there() == {"pier.md"}
    assert {row["path"] for row in source.report["failed"]} == {"codes.md", "inner"}


def test_file_that_becomes_a_link_after_the_look_is_not_read(
    folder: Path, places: Path, tmp_path: Path
) -> None:
    write(folder / "ops" / "pier.md", guide("pier"))
    secret = tmp_path / "secret"
    write(secret / "pier.md", guide("secret"))
    watched = WatchedFolder(str(folder), "")
    entry = watched.snapshot({}).files["ops/pier.md"]
    (folder / "ops" / "pier.md").unlink()
    (folder / "ops" / "pier.md").symlink_to(secret / "pier.md")
    with pytest.raises(UploadError), watched.opened(entry):
        pass
    (folder / "ops" / "pier.md").unlink()
    (folder / "ops").rmdir()
    (folder / "ops").symlink_to(secret)
    with pytest.raises(UploadError), watched.opened(entry):
        pass
    (folder / "ops").unlink()
    write(folder / "ops" / "pier.md", guide("pier", "Edited since."))
    with pytest.raises(UploadError, match="changed while"), watched.opened(entry):
        pass


def test_folder_above_that_becomes_a_link_after_the_check_leads_nowhere(
    folder: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    for place in (folder / "ops", secret):
        write(place / "guides" / "pier.md", guide("pier"))
    watched = WatchedFolder(str(folder), "ops/guides")
    entry = watched.snapshot({}).files["pier.md"]
    (folder / "ops").rename(folder / "before")
    (folder / "ops").symlink_to(secret)
    with pytest.raises(UserError, match="cannot be read"):
        watched.snapshot({})
    with pytest.raises(UploadError), watched.opened(entry):
        pass


def test_pipe_holds_nobody_up(folder: Path, follow: Follow) -> None:
    write(folder / "pier.md", guide("pier"))
    os.mkfifo(folder / "pipe.md")
    assert follow(folder, "folder").failure == ""
    assert there() == {"pier.md"}


def test_what_is_too_large_or_no_document_is_told(
    folder: Path, follow: Follow, again: Again, settings: Settings
) -> None:
    settings.UPLOAD_MAX_BYTES = 1024 * 1024
    write(folder / "pier.md", guide("pier"))
    write(folder / "huge.txt", b"x" * (1024 * 1024 + 1))
    write(folder / "picture.png", b"png")
    write(folder / ".git" / "config.md", "hidden")
    source = follow(folder, "folder")
    assert source.report["failed"] == [
        {"path": "huge.txt", "reason": "Larger than 1 MB. Split it, or compress it."}
    ]
    assert source.report["others"] == {".png": 1}
    write(folder / "pier.md", b"x" * (1024 * 1024 + 1))
    again(source)
    assert there() == {"pier.md"}, "the last text that could be taken stays"


def test_folder_that_is_gone_archives_nothing(folder: Path, follow: Follow, again: Again) -> None:
    write(folder / "pier.md", guide("pier"))
    source = follow(folder, "folder")
    folder.rename(folder.with_name("elsewhere"))
    source = again(source)
    assert source.failure == "The folder is not there. Is its disk mounted?"
    assert there() == {"pier.md"}


def test_folder_that_is_no_longer_allowed_is_not_read(
    folder: Path, follow: Follow, again: Again, settings: Settings
) -> None:
    write(folder / "pier.md", guide("pier"))
    source = follow(folder, "folder")
    settings.SOURCE_ROOTS = []
    write(folder / "pier.md", guide("pier", "Edited."), age=10)
    source = again(source)
    assert "SOURCE_ROOTS" in source.failure
    assert DocumentVersion.objects.count() == 1
