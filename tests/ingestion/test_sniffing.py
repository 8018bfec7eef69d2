from pathlib import Path

import pytest

from ingestion.errors import UploadError
from ingestion.sniffing import media_type_of


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("A.PDF", b"%PDF-1.7\n", "application/pdf"),
        ("a.htm", b"<p>x", "text/html"),
        ("a.md", "# Größe".encode("utf-16"), "text/markdown"),
        ("a.txt", "text".encode("utf-16-le"), "text/plain"),
        ("a.rst", b"", "text/x-rst"),
        ("a.txt", b"BMW and MZ are letters, not signatures", "text/plain"),
    ],
)
def test_name_and_bytes_agree(tmp_path: Path, name: str, content: bytes, media_type: str) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    assert media_type_of(name, path) == media_type


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.svg", b"<svg onload=alert(1)>", r"\.svg files are not read"),
        ("README", b"text", "without an extension"),
        ("a.pdf", b"\x89PNG\r\n\x1a\n", "a PNG picture named .pdf"),
        ("a.txt", b"%PDF-1.7\n", "a PDF file named .txt"),
        ("a.docx", b"{\\rtf1", "an RTF file named .docx"),
        ("a.md", b"\x7fELF\x02\x01", "a program named .md"),
        ("a.html", bytes(range(32)) * 20, "not text, but named .html"),
        ("a.pdf", b"just text", "another kind of file named .pdf"),
    ],
)
def test_a_mismatch_says_what_it_is(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    with pytest.raises(UploadError, match=message) as refusal:
        media_type_of(name, path)
    assert refusal.value.id == "wrong-type"
