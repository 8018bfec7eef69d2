"""A dataset on disk: a folder named by its manifest's sha256, never changed. No database.

manifest.json     what went in, and the sha256 of the three files
train.jsonl       rows; validation.jsonl and test.jsonl questions: see `training.rows`
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from ingestion.errors import UserError
from ingestion.storage import sha256_of, sync
from training.rows import Question, Row, write_lines

MANIFEST = "manifest.json"
# Beside the folders: held by whoever changes any of them, and the beginning of one in the making.
LOCK, NEW = ".lock", ".new-"
TRAIN, VALIDATION, TEST = FILES = ("train.jsonl", "validation.jsonl", "test.jsonl")
FORMAT = 1


def keep(
    root: Path,
    description: Mapping[str, Any],
    contents: Mapping[str, Sequence[Row] | Sequence[Question]],
) -> str:
    """Write a dataset below `root`, durably and whole or not at all; returns its sha256.

    `description` is all of the manifest but its format and the files. A folder of that name
    which is there already is left, or replaced when it is damaged.
    """
    root.mkdir(parents=True, exist_ok=True)
    temporary = Path(mkdtemp(prefix=NEW, dir=root))
    try:
        files = {name: _write(temporary / name, contents[name]) for name in FILES}
        manifest = {"format": FORMAT, **description, "files": files}
        (temporary / MANIFEST).write_text(_as_text(manifest))
        sha256 = sha256_of(temporary / MANIFEST)
        if damage(root / sha256):
            _put(temporary, root / sha256)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sha256


def _write(path: Path, items: Sequence[Row] | Sequence[Question]) -> dict[str, Any]:
    lines = write_lines(path, items)
    return {"sha256": sha256_of(path), "lines": lines}


def _put(temporary: Path, folder: Path) -> None:
    for path in (*temporary.iterdir(), temporary):
        sync(path)
    temporary.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)
    sync(folder.parent)


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


def _as_text(manifest: Mapping[str, Any]) -> str:
    return json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
