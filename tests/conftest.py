"""Every test run has a home of its own, so that it never touches the developer's."""

import os
import tempfile
from pathlib import Path

_HOME = tempfile.TemporaryDirectory(prefix="docportal-tests-")
os.environ["DOCPORTAL_HOME"] = _HOME.name
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "docportal.settings")

import pytest  # noqa: E402


@pytest.fixture
def home(settings: object, tmp_path: Path) -> Path:
    """A fresh place for files, index and run files of one test."""
    for name in ("MEDIA_ROOT", "INDEX_DIR", "RUN_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        setattr(settings, name, folder)
    return tmp_path
