"""Bits flip, folders are gone, disks are full."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from docportal.integrity_checks import check
from ingestion.storage import original_path
from tests.drill.portal import Portal
from tests.drill.table import Drill
from tests.small_disks import fill, small_disk

pytestmark = pytest.mark.timeout(1800)

PARTS = {
    "Bit flipped in the index of vectors": "vectors-*/vectors.faiss",
    "Bit flipped in the index of words": "lexical-*/*.idx",
    "Bit flipped in what the index consists of": "vectors-*/manifest.json",
}


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("kind", PARTS)
def test_bit_of_the_index_flips(victim: Portal, drill: Drill, kind: str, nth: int) -> None:
    """The next process that opens it makes it anew; the check that mends does not wait for one."""
    accepted = victim.upload(1)
    victim.recovers(accepted)
    flip_a_bit(next((victim.home / "index").glob(PARTS[kind])))
    assert not check().is_clean
    with drill(kind) as breakage:
        mended = victim.manage("check_integrity", "--repair")
        assert mended.returncode == 0, mended.stdout
        victim.settles([*accepted, *victim.upload(1)], breakage)


def test_index_is_gone(victim: Portal, drill: Drill, nth: int) -> None:
    with drill("Index removed while it is used") as breakage:
        shutil.rmtree(victim.home / "index")
        victim.settles(victim.upload(1), breakage)


def test_bit_of_an_original_flips(victim: Portal, drill: Drill, nth: int) -> None:
    """It is told, and mended by the same file."""
    path, content = victim.a_file()
    accepted = [victim.accepted(path, content)]
    victim.recovers(accepted)
    flip_a_bit(original_path(accepted[0].sha256))
    assert [kind for kind, _what in check().problems] == ["original-changed"]
    with drill("Bit flipped in an original") as breakage:
        victim.settles([victim.accepted(path, content)], breakage)


@contextmanager
def on_a_small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """What is in the folder is there meanwhile, and what comes stays."""
    copy = folder.with_name(f"{folder.name}.copy")
    shutil.copytree(folder, copy)
    with small_disk(folder, megabytes):
        shutil.copytree(copy, folder, dirs_exist_ok=True)
        yield
        shutil.rmtree(copy)
        shutil.copytree(folder, copy)
    shutil.rmtree(folder)
    copy.rename(folder)


def test_disk_of_originals_is_full(victim: Portal, drill: Drill, nth: int) -> None:
    """What does not fit is refused, and nothing of it is kept; with room it is accepted."""
    path, content = victim.a_file()
    with on_a_small_disk(victim.home / "files", megabytes=8):
        ballast = fill(victim.home / "files")
        assert victim.send(path, content).status_code >= 500
        with drill("Disk of the originals full") as breakage:
            ballast.unlink()
            accepted = [victim.accepted(path, content)]
            victim.settles(accepted, breakage)


def test_disk_of_the_index_is_full(victim: Portal, drill: Drill, nth: int) -> None:
    """Files are accepted meanwhile."""
    with on_a_small_disk(victim.home / "index", megabytes=16):
        ballast = fill(victim.home / "index")
        accepted = victim.upload()
        with drill("Disk of the index full") as breakage:
            ballast.unlink()
            victim.settles(accepted, breakage)
