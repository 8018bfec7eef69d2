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
