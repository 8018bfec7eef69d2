"""Files that are there whole or not at all. Pure."""

import os
from pathlib import Path


def require_place(path: Path) -> None:
    """Raises OSError where `write_whole` could not write; nothing of it stays."""
    if path.exists():
        path.open("a").close()
    draft = _draft(path)
    draft.open("a").close()
    draft.unlink()


def write_whole(path: Path, text: str) -> None:
    """Have `path` hold `text`, on the disk. It holds what it held before when there is no room
    (OSError), or when the process is killed."""
    draft = _draft(path)
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}")
