"""What a file is: by its name, and by its first bytes, which have to agree."""

from pathlib import Path, PurePosixPath

from ingestion.errors import UploadError

PDF = "application/pdf"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
MARKDOWN = "text/markdown"
RST = "text/x-rst"
TEXT = "text/plain"

_MEDIA_TYPES = {
    ".pdf": PDF,
    ".docx": WORD,
    ".html": HTML,
    ".htm": HTML,
    ".md": MARKDOWN,
    ".rst": RST,
    ".txt": TEXT,
}
SUPPORTED_SUFFIXES = frozenset(_MEDIA_TYPES)
_KNOWN = ".pdf, .docx, .html, .md, .rst or .txt"

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SIGNATURES = (
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a zip or Office file"),
    (_OLE, "an old Office file"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"{\\rtf", "an RTF file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"7z\xbc\xaf", "a 7-Zip file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"SQLite format 3\x00", "a database"),
)
_SAMPLE_BYTES = 4096
_TEXT_CONTROLS = frozenset(b"\x00\t\n\x0b\x0c\r\x1a\x1b\x08")


def media_type_by_name(name: str) -> str:
    """What the name says. Raises UploadError `wrong-type` when that kind is not supported."""
    suffix = _suffix(name)
    if suffix not in _MEDIA_TYPES:
        kind = f"{suffix} files are" if suffix else "Files without an extension are"
        raise UploadError("wrong-type", f"{kind} not read. Upload {_KNOWN}.")
    return _MEDIA_TYPES[suffix]


def media_type_of(name: str, path: Path) -> str:
    """The media type of the file at `path` that its sender calls `name`.

    Raises UploadError `wrong-type` when the kind is not supported, or when the bytes are of
    another kind than the name says. An empty file has the type of its name.
    """
    media_type, suffix = media_type_by_name(name), _suffix(name)
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    found = _kind_of(sample)
    if sample and not _agrees(suffix, sample, found):
        is_ = f"This is {found}" if found else _unknown(suffix)
        raise UploadError(
            "wrong-type", f"{is_} named {suffix}. Upload {_KNOWN}, named as what it is."
        )
    return media_type


def _suffix(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def _kind_of(sample: bytes) -> str:
    return next((kind for start, kind in _SIGNATURES if sample.startswith(start)), "")


def _agrees(suffix: str, sample: bytes, found: str) -> bool:
    if suffix == ".pdf":
        return b"%PDF-" in sample[:1024]  # readers accept some bytes in front of it
    if suffix == ".docx":
        return sample.startswith((b"PK\x03\x04", _OLE))
    return not found and not _is_binary(sample)


def _unknown(suffix: str) -> str:
    return (
        "This is another kind of file" if suffix in (".pdf", ".docx") else "This is not text, but"
    )


def _is_binary(sample: bytes) -> bool:
    """Many control characters, and not the zero bytes that UTF-16 and UTF-32 have."""
    controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in sample)
    return controls > 0.05 * len(sample) and not sample.startswith((b"\xff\xfe", b"\xfe\xff"))
