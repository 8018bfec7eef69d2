"""Files that are there whole or not at all. Pure."""

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Have `path` hold `text`, on the disk. It holds what it held before when there is no room
    (OSError), or when the process is killed."""
    draft = path.with_name(f".{path.name}")
    try:
        with draft.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
