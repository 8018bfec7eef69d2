import stat
import zipfile
from pathlib import Path

import pytest

from ingestion.archives import expand
from ingestion.errors import UploadError


def packed(
    folder: Path, files: dict[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> Path:
    path = folder / "upload.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    (folder / "into").mkdir()
    return path


def test_documents_keep_their_paths_and_the_rest_is_named(tmp_path: Path) -> None:
    path = packed(
        tmp_path,
        {
            "wiki/a.md": b"# A",
            "wiki/deep/b.PDF": b"%PDF-",
            "wiki/picture.png": b"png",
            "wiki/.git/config.txt": b"hidden",
            "__MACOSX/wiki/._a.md": b"mac",
        },
    )
    found = expand(path, tmp_path / "into")
    assert {name: file.read_bytes() for name, file in found.files} == {
        "wiki/a.md": b"# A",
        "wiki/deep/b.PDF": b"%PDF-",
    }
    assert found.unsupported == ["wiki/picture.png"]


@pytest.mark.parametrize(
    "name", ["../outside.md", "/etc/outside.md", "a/../../outside.md", "..\\outside.md", "C:\\a.md"]
)
def test_paths_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path, {"good.md": b"text", name: b"text"})
    with pytest.raises(UploadError) as refusal:
        expand(path, tmp_path / "into")
    assert refusal.value.id == "unsafe-path"
    assert not (tmp_path / "outside.md").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.md")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(UploadError, match="is a link"):
        expand(packed(tmp_path, {link: b"/etc/passwd"}), tmp_path / "into")


@pytest.mark.parametrize(
    "files",
    [
        {"a.md": b" " * 60_000_000},
        {f"{number}.md": b"" for number in range(5001)},
    ],
    ids=["dense", "many"],
)
def test_bombs_are_refused_before_anything_is_unpacked(
    tmp_path: Path, files: dict[str | zipfile.ZipInfo, bytes]
) -> None:
    path = packed(tmp_path, files)
    with pytest.raises(UploadError) as refusal:
        expand(path, tmp_path / "into")
    assert refusal.value.id == "bomb"
    assert list((tmp_path / "into").iterdir()) == []


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.md": b"text" * 100})
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UploadError) as refusal:
        expand(path, tmp_path / "into")
    assert refusal.value.id == "damaged"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_one_wrong_byte_is_told_wherever_it_stands(tmp_path: Path, method: int) -> None:
    text = b"".join(b"Line %d of the text.\n" % number for number in range(30))
    path = packed(tmp_path, {"a.md": text}, method)
    whole = path.read_bytes()
    told = set()
    for place, byte in enumerate(whole):
        path.write_bytes(whole[:place] + bytes([byte ^ 0xFF]) + whole[place + 1 :])
        (into := tmp_path / f"{place}").mkdir()
        try:
            expand(path, into)
        except UploadError as refusal:
            told.add(refusal.id)
    assert "damaged" in told
