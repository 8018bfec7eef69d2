"""Document paths: where a document stands in its collection, and the names in addresses."""

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath

from django.utils.text import slugify

from ingestion.errors import UploadError

MAX_LENGTH = 500
MAX_SLUG = 100
_DIGEST_LENGTH = 8
_GAPS = re.compile(r"[-\s]+")
_ASIDE = r"\"'“”„‘’«»()\[\]{},:;!?–—"
# At the edge of a word they say nothing that the words do not; `10:30` is not `1030`.
_ASIDES = re.compile(rf"(?<!\w)[{_ASIDE}]+|[{_ASIDE}.]+(?!\w)")


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


def spelling(name: str) -> str:
    """The form in which two names are one, and a name is its address: small letters, with hyphens
    for spaces."""
    return _GAPS.sub("-", unicodedata.normalize("NFC", name).casefold()).strip("-")


def collection_slug(name: str) -> str:
    """A readable address of at most `MAX_SLUG` characters.

    It ends with a digest where it leaves out a letter, a digit or a sign that tells the name from
    others, such as `+`. Empty where the name has neither letter nor digit.
    """
    readable = slugify(name)
    if readable == _without_accents(_without_asides(name)) and len(readable) <= MAX_SLUG:
        return readable
    return digested_slug(name) if any(character.isalnum() for character in name) else ""


def digested_slug(name: str) -> str:
    """An address that no other name has."""
    digest = hashlib.sha256(unicodedata.normalize("NFC", name).encode()).hexdigest()
    room = MAX_SLUG - _DIGEST_LENGTH - 1
    return slugify(f"{slugify(name)[:room]}-{digest[:_DIGEST_LENGTH]}")


def is_address(text: str, slug: str, name: str) -> bool:
    """Whether `text` is the address `slug` of what has this `name` today, in any spelling.

    One without the accents of the name is meant only where it stands as it is: `Far` is another
    name than `Får`. One that an earlier release made of a name which it cannot spell (`c` of `C++`)
    is never meant.
    """
    if spelling(text) != slug:
        return False
    if slug != slugify(name)[:MAX_SLUG] or slug == _without_asides(name):
        return True
    return slug == collection_slug(name) and slug == text


def _without_asides(name: str) -> str:
    return spelling(_ASIDES.sub(" ", name))


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def document_slug(collection_slug: str, path: str) -> str:
    """A readable address that is the same on every installation.

    The suffix keeps equal names of different collections apart without a counter, which would
    tell a stranger that the other document exists.
    """
    readable = slugify(str(PurePosixPath(path).with_suffix("")).replace("/", " "))[:100]
    digest = hashlib.sha256(f"{collection_slug}\n{path}".encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{readable}-{digest}" if readable else digest
