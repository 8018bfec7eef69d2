"""What may become a folder of backups."""

from pathlib import Path

import pytest

from docportal.backups import folder
from ingestion.errors import UserError


def test_empty_disk_is_taken(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    with folder.writing(tmp_path):
        pass
    with folder.writing(tmp_path):
        pass


def test_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("Dear harbour master")
    with pytest.raises(UserError, match="holds other things"), folder.writing(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]
