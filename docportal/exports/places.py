"""Where a document lies in an export. Pure.

Its path was given by whoever uploaded it, and the files are unpacked on somebody else's machine.
"""

from collections.abc import Iterable, Set
from pathlib import PurePosixPath

from docportal.tree import EXPORT_MANIFEST, PAIRS_SUFFIX
from ingestion.errors import UploadError
from ingestion.paths import clean_path

VERSIONS = ".versions"
LONGEST_NAME = 255


def folders_of(paths: Iterable[str]) -> frozenset[str]:
    """Every folder that the paths need."""
    return frozenset(str(folder) for path in paths for folder in PurePosixPath(path).parents)


def has_place(path: str, folders: Set[str]) -> bool:
    """Whether a folder on any system can hold the document and its pairs at its own path, beside
    those that need `folders`, and `ingest` finds it there."""
    parts = path.split("/")
    return (
        _is_clean(path)
        and path != EXPORT_MANIFEST
        and not any(part.startswith(".") or ":" in part for part in parts)
        and all(len(f"{part}{PAIRS_SUFFIX}".encode()) <= LONGEST_NAME for part in parts)
        and not {path, f"{path}{PAIRS_SUFFIX}"} & folders
    )


def _is_clean(path: str) -> bool:
    try:
        return clean_path(path) == path
    except UploadError:
        return False
