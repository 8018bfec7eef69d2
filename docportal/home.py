"""What the settings keep in the home of an installation where nothing else is given."""

import contextlib
import secrets
import tempfile
from pathlib import Path


def kept_secret_key(home: Path) -> str:
    """Made at the first start and kept (mode 0600)."""
    path = home / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Linked into place whole, so that of two first starts both read the same key.
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as new:
            new.write(secrets.token_hex(48))
            new.flush()
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(new.name)
    return path.read_text()


def broker_of_files(home: Path) -> dict[str, object]:
    """The options of kombu's transport of files, whose folders are made."""
    messages, control = home / "broker" / "messages", home / "broker" / "control"
    for folder in (messages, control):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": 0.05,
    }
