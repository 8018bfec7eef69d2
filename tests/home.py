"""A pytest plugin loaded before Django's settings: each run has a home of its own, and of the
caller's settings only the services and models that it is to run on."""

import os
import re
import tempfile
from pathlib import Path

_KEPT = {"DATABASE_URL", "CELERY_BROKER_URL", "MODELS_DIR"}
_SETTINGS = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"

for _name in re.findall(r"^\| `([A-Z_]+)` \|", _SETTINGS.read_text(encoding="utf-8"), re.MULTILINE):
    os.environ.pop(f"{_name}_FILE", None)
    if _name not in _KEPT:
        os.environ.pop(_name, None)
_HOME = tempfile.TemporaryDirectory(prefix="docportal-tests-")
os.environ["DOCPORTAL_HOME"] = _HOME.name
# Beside other processes, threads of PyTorch that spin while they wait slow everything down.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def places(home: Path) -> dict[str, Path]:
    """Settings that have files, index and run files in `home`, where their folders are made."""
    folders = {"MEDIA_ROOT": "files", "INDEX_DIR": "index", "RUN_DIR": "run"}
    folders |= {"DATASETS_DIR": "datasets", "RUNS_DIR": "runs", "TUNED_DIR": "tuned"}
    folders |= {"SOURCES_DIR": "sources"}
    for folder in folders.values():
        (home / folder).mkdir()
    return {name: home / folder for name, folder in folders.items()}
