"""What is written whole is there whole or not at all."""

from pathlib import Path

import pytest

from tests.small_disks import fill, small_disk
from training.writing import require_place, write_whole


def test_file_holds_the_newest_text_and_nothing_is_beside_it(tmp_path: Path) -> None:
    for text in ("a first text, and a long one", "a second"):
        write_whole(tmp_path / "told", text)
        assert (tmp_path / "told").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["told"]


def test_text_that_finds_no_room_leaves_what_was_there(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, megabytes=1):
        write_whole(disk / "told", "before")
        fill(disk)
        for name in ("told", "new"):
            with pytest.raises(OSError, match="No space left"):
                write_whole(disk / name, "after" * 10_000)
        assert {path.name for path in disk.iterdir()} == {"told", "ballast"}
        assert (disk / "told").read_text() == "before"


@pytest.mark.parametrize("before", [None, "before"])
def test_asking_for_a_place_leaves_it_as_it_is(tmp_path: Path, before: str | None) -> None:
    told = tmp_path / "told"
    if before is not None:
        told.write_text(before)
    require_place(told)
    assert [path.read_text() for path in tmp_path.iterdir()] == [before] * (before is not None)


@pytest.mark.parametrize(
    ("name", "said"),
    [(".", "Is a directory"), ("none/told", "No such file"), ("t" * 255, "name too long")],
)
def test_place_where_nothing_can_be_written_is_refused(
    tmp_path: Path, name: str, said: str
) -> None:
    with pytest.raises(OSError, match=said):
        require_place(tmp_path / name)
    assert not [*tmp_path.iterdir()]
