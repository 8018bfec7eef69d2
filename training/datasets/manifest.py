"""A dataset on disk: a folder named by its manifest's sha256, never changed. No database.

manifest.json     what went in, and the sha256 of the three files
train.jsonl       rows; validation.jsonl and test.jsonl questions: see `training.rows`
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from ingestion.errors import UserError
from ingestion.storage import sha256_of, sync
from training.rows import Question, Row, as_line

MANIFEST = "manifest.json"
TRAIN, VALIDATION, TEST = FILES = ("train.jsonl", "validation.jsonl", "test.jsonl")
FORMAT = 1


def keep(
    root: Path, description: Mapping[str, Any], contents: Mapping[str, tuple[Row | Question, ...]]
) -> str:
    """Write a dataset below `root`, durably and whole or not at all; returns its sha256.

    `description` is all of the manifest but its format and the files. A folder of that name
    which is there already is left, or replaced when it is damaged.
    """
    files = {name: "".join(map(as_line, contents[name])).encode() for name in FILES}
    listed = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "lines": len(contents[name])}
        for name, data in files.items()
    }
    manifest = _as_bytes({"format": FORMAT, **description, "files": listed})
    sha256 = hashlib.sha256(manifest).hexdigest()
    folder = root / sha256
    if folder.exists() and not damage(folder):
        return sha256
    root.mkdir(parents=True, exist_ok=True)
    temporary = Path(mkdtemp(prefix=".new-", dir=root))
    try:
        for name, data in {**files, MANIFEST: manifest}.items():
            (temporary / name).write_bytes(data)
            sync(temporary / name)
        sync(temporary)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.chmod(0o755)
        temporary.replace(folder)
        sync(root)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sha256


def damage(folder: Path) -> str:
    """What is wrong with a dataset's folder; empty when every byte is as it was written."""
    if not (folder / MANIFEST).exists():
        return f"{MANIFEST} is missing"
    if sha256_of(folder / MANIFEST) != folder.name:
        return f"{MANIFEST} has changed"
    for name, listed in read_manifest(folder)["files"].items():
        if not (folder / name).exists():
            return f"{name} is missing"
        if sha256_of(folder / name) != listed["sha256"]:
            return f"{name} has changed"
    return ""


def verify_folder(folder: Path) -> None:
    """Raises `UserError` (`dataset-damaged`) unless the folder is as it was written."""
    if wrong := damage(folder):
        raise UserError(
            "dataset-damaged",
            f"The dataset {folder.name[:12]} is damaged: {wrong}. Freeze it again; the same "
            "pairs give the same dataset.",
        )


def read_manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    return manifest


def _as_bytes(manifest: Mapping[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
