"""What may be followed: folders below SOURCE_ROOTS, addresses that begin as one of SOURCE_URLS.

Asked when a source is added and again before each sync, since settings and links change.
"""

import os
import re
from itertools import chain
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings

from ingestion.errors import UserError

SCHEMES = ("https", "ssh", "http")
# Git looks for a `.git` also in a folder of that name.
_ELSEWHERE = (".git", "commondir", "objects/info/alternates")
_NOT_IN_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|^[-./]|[./]$")


def is_address(location: str) -> bool:
    return "://" in location


def allowed_folder(location: str) -> Path:
    """The real folder behind the path. Raises `UserError`; what lies outside is not looked at."""
    roots = [Path(root).resolve() for root in settings.SOURCE_ROOTS]
    if not Path(location).is_absolute() or "\0" in location:
        raise UserError("bad-place", "Give the whole path, beginning with a slash.")
    folder = Path(location).resolve()
    if not any(folder.is_relative_to(root) for root in roots):
        below = ", ".join(map(str, settings.SOURCE_ROOTS)) or "no folder yet"
        raise UserError(
            "place-not-allowed",
            f"A source on this machine has to lie below SOURCE_ROOTS, which names {below}.",
        )
    return folder


def allowed_repository(location: str) -> Path:
    """Where git keeps the repository at the path. Raises `UserError`, also for one in whose place,
    or for whose objects, git would read another repository."""
    folder = allowed_folder(location)
    inner = folder / ".git"
    if inner.is_file():
        raise UserError("bad-place", "This is a linked working tree. Name the repository itself.")
    repository = allowed_folder(str(inner)) if inner.exists() else folder
    if any((repository / name).exists() for name in _ELSEWHERE) or _has_links(repository):
        raise UserError(
            "bad-place",
            "This repository has its files in another one. Name that one, or a full clone of it.",
        )
    return repository


def _has_links(repository: Path) -> bool:
    """Among the objects; names alone, such as those of `refs`, bring nothing."""
    objects = repository / "objects"
    below = (Path(at, name) for at, *names in os.walk(objects) for name in chain(*names))
    return any(path.is_symlink() for path in chain([objects], below))


def allowed_address(location: str) -> str:
    """The address as it is asked for. Raises `UserError`."""
    address = split_address(location)
    if address.password is not None or (address.username and address.scheme != "ssh"):
        raise UserError(
            "bad-place",
            "Leave name and password out of the address; SOURCE_CREDENTIALS names their file.",
        )
    if not any(_begins_as(address, split_address(prefix)) for prefix in settings.SOURCE_URLS):
        begins = ", ".join(settings.SOURCE_URLS) or "none yet"
        raise UserError(
            "place-not-allowed",
            f"An address has to begin as one of SOURCE_URLS, which names {begins}.",
        )
    return location


def split_address(location: str) -> SplitResult:
    """Its parts, if git may be given it at all. Raises `UserError`."""
    refused = UserError(
        "bad-place", "Write the address as https://host/path or ssh://user@host/path."
    )
    if not location.isascii() or any(not letter.isprintable() for letter in location):
        raise refused
    try:
        address = urlsplit(location)
        _ = address.port
    except ValueError:
        raise refused from None
    is_plain = not (address.query or address.fragment or "\\" in location or " " in location)
    if address.scheme not in SCHEMES or not address.hostname or not is_plain:
        raise refused
    named = f"{address.username or ''}@{address.hostname}"
    if "-" in (named[0], address.hostname[0]) or ".." in unquote(unquote(address.path)).split("/"):
        raise refused
    return address


def _begins_as(address: SplitResult, prefix: SplitResult) -> bool:
    same = (address.scheme, address.hostname, address.port, prefix.username or address.username)
    if same != (prefix.scheme, prefix.hostname, prefix.port, address.username):
        return False
    path = prefix.path.rstrip("/")
    return address.path.rstrip("/") == path or address.path.startswith(f"{path}/")


def checked_branch(branch: str) -> str:
    """As git has it (git-check-ref-format); empty for the repository's own. Raises `UserError`."""
    if _NOT_IN_BRANCH.search(branch) or not branch.isprintable():
        raise UserError("bad-branch", f"{branch!r} cannot be a branch. Write its name alone.")
    return branch


def checked_subfolder(subfolder: str) -> str:
    """Relative, without a slash at the ends; empty for all. Raises `UserError`."""
    parts = PurePosixPath(subfolder.strip().strip("/")).parts
    if ".." in parts or any(not part.isprintable() for part in parts):
        raise UserError("bad-subfolder", "Name a folder inside the source, such as docs/guides.")
    return "/".join(parts)
