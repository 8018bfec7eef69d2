"""The disk of the index is full: a search goes on with what the index holds, and says so."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from ingestion.models import Collection
from router import incidents, retrieval
from router.models import Incident
from router.retrieval.generations import IndexFolder
from router.retrieval.index import Index
from router.retrieval.searching import SearchResult
from tests.people import People
from tests.router.retrieval.conftest import Writer
from tests.small_disks import fill, small_disk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def disk(home: Path) -> Iterator[Path]:
    """Of the index alone: of the database's there is enough."""
    place = Path(django_settings.INDEX_DIR)
    with small_disk(place, megabytes=2):
        yield place


def found(text: str) -> tuple[list[str], bool]:
    """The paths of the passages found, and whether the index was behind."""
    result = search(text)
    return [hit.chunk.version.document.path for hit in result.hits], result.behind


def search(text: str) -> SearchResult:
    return retrieval.search(text, user=None)


def another_process() -> Index:
    """An index that has opened nothing yet, over the same folder."""
    return Index(Path(django_settings.INDEX_DIR))


def test_what_the_index_holds_is_found_and_what_came_since_by_its_meaning(
    writer: Writer, wiki: Collection, disk: Path
) -> None:
    writer.write(wiki, "ferry.md", "The ramp of the ferry closes.")
    gone = writer.write(wiki, "barge.md", "The ramp of the barge closes.")
    retrieval.refresh()
    fill(disk)
    writer.archive(gone)
    writer.write(wiki, "crane.md", "The ramp of the crane closes.")
    paths, behind = found("ramp closes")
    assert (sorted(paths), behind) == (["crane.md", "ferry.md"], True)
    snapshot = another_process().snapshot()
    assert (snapshot.words.revision, snapshot.revision) == (2, 4)


def test_damaged_words_are_those_of_before_where_there_is_no_room_for_others(
    writer: Writer, wiki: Collection, disk: Path
) -> None:
    writer.write(wiki, "ferry.md", "The ramp of the ferry closes.")
    retrieval.refresh()
    (meta,) = disk.glob("lexical-*/meta.json")
    meta.write_text("{")
    fill(disk)
    writer.write(wiki, "crane.md", "The ramp of the crane closes.")
    paths, behind = found("ramp closes")
    assert (sorted(paths), behind) == (["crane.md", "ferry.md"], True)


def test_admins_are_told_until_there_is_room(writer: Writer, wiki: Collection, disk: Path) -> None:
    writer.write(wiki, "ferry.md", "The ramp of the ferry closes.")
    retrieval.refresh()
    ballast = fill(disk)
    writer.write(wiki, "crane.md", "The ramp of the crane closes.")
    for _ in range(3):
        assert found("ramp")[1]
    (standing,) = incidents.standing()
    assert (standing.kind, standing.count) == (Incident.Kind.INDEX_DISK, 1)
    ballast.unlink()
    assert another_process().refresh() == 2
    assert incidents.standing() == []


def test_without_an_index_nothing_is_found_and_that_is_said(
    writer: Writer, wiki: Collection, disk: Path
) -> None:
    ballast = fill(disk)
    writer.write(wiki, "ferry.md", "The ramp of the ferry closes.")
    assert found("ramp") == ([], True)
    ballast.unlink()
    assert another_process().refresh() == 1


def test_half_a_generation_is_not_left_where_there_is_no_room(
    writer: Writer, wiki: Collection, disk: Path
) -> None:
    writer.write(wiki, "ferry.md", *(f"Ramp {number} closes." for number in range(300)))
    fill(disk, leave=100_000)
    with pytest.raises(OSError, match="No space left"):
        retrieval.rebuild()
    assert [path.name for path in disk.iterdir() if path.is_dir()] == []


def test_generation_in_use_is_kept_whatever_the_disk_refuses(home: Path, db: None) -> None:
    retrieval.rebuild()
    folder = IndexFolder(Path(django_settings.INDEX_DIR))
    used = folder.pointer()
    assert used is not None
    with pytest.raises(OSError, match="No space left"), folder.removed_if_refused(used.vectors):
        raise OSError(errno.ENOSPC, "No space left")
    assert folder.lexical(used.lexical).is_dir()
    assert folder.vectors(used.vectors).is_dir()


def test_folder_that_cannot_be_removed_keeps_no_index_from_its_place(
    writer: Writer, wiki: Collection, home: Path
) -> None:
    writer.write(wiki, "ferry.md", "The ramp of the ferry closes.")
    place = Path(django_settings.INDEX_DIR)
    left = place / "lexical-000000"
    left.mkdir()
    with small_disk(left, megabytes=1):
        retrieval.rebuild()
        switched_to = (place / "current.json").read_bytes()
        assert found("ramp") == (["ferry.md"], False)
        assert another_process().refresh() == 1
        assert (place / "current.json").read_bytes() == switched_to
    retrieval.rebuild()
    assert not left.exists()


def test_page_and_api_say_so(writer: Writer, wiki: Collection, disk: Path, people: People) -> None:
    writer.write(wiki, "ferry.md", "The ramp of the ferry closes.")
    retrieval.refresh()
    fill(disk)
    writer.write(wiki, "crane.md", "The ramp of the crane closes.")
    client = Client()
    client.force_login(people.reader)
    page = client.get(reverse("ask"), {"q": "ramp"}).content.decode()
    assert "ferry.md" in page
    assert "What was changed lately may be missing" in page
    told = client.get("/api/v1/search", {"q": "ramp"}).json()
    assert (told["behind"], len(told["hits"])) == (True, 2)
