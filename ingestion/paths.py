"""Document paths: where a document stands in its collection, and the names in addresses."""

import hashlib
import unicodedata
from pathlib import PurePosixPath

from django.utils.text import slugify

from ingestion.errors import UploadError

MAX_LENGTH = 500


def clean_path(path: str) -> str:
    """The path as kept: relative, with single slashes, NFC. Raises `UploadError`."""
    cleaned = unicodedata.normalize("NFC", path.replace("\\", "/")).lstrip("/")
    parts = [part for part in cleaned.split("/") if part not in ("", ".")]
    if not parts:
        raise UploadError("no-name", "The file has no name. Give it one and upload it again.")
    if ".." in parts or any(not part.isprintable() for part in parts):
        raise UploadError("bad-path", f"{path!r} is not a usable path. Rename the file.")
    if len(cleaned) > MAX_LENGTH:
        raise UploadError("bad-path", f"The path is longer than {MAX_LENGTH} characters.")
    return "/".join(parts)


def title_of(path: str) -> str:
    """What a document is called whose file does not say it. Hyphens stay: `night-bell` is a
    name."""
    return " ".join(PurePosixPath(path).stem.replace("_", " ").split())


def collection_slug(name: str) -> str:
    """A readable address; a digest where the name is of another alphabet, and empty where it has
    neither letter nor digit."""
    if readable := slugify(name)[:100]:
        return readable
    is_named = any(character.isalnum() for character in name)
    return hashlib.sha256(name.encode()).hexdigest()[:8] if is_named else ""


def document_slug(collection_slug: str, path: str) -> str:
    """A readable address that is the same on every installation.

    The suffix keeps equal names of different collections apart without a counter, which would
    tell a stranger that the other document exists.
    """
    readable = slugify(str(PurePosixPath(path).with_suffix("")).replace("/", " "))[:100]
    digest = hashlib.sha256(f"{collection_slug}\n{path}".encode()).hexdigest()[:8]
    return f"{readable}-{digest}" if readable else digest
