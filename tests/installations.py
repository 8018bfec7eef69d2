"""Homes of their own, on SQLite, for the processes that a test starts."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_SERVICES = {"DATABASE_URL", "CELERY_BROKER_URL"}

NewHome = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def migrated_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a database and nothing else; no test changes it."""
    home = tmp_path_factory.mktemp("migrated")
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=_environment(home), check=True)
    return home


@pytest.fixture
def new_home(migrated_home: Path) -> NewHome:
    """Makes `new_home(folder, NAME=value…)`, which is the environment of its processes."""

    def make(folder: Path, **variables: str) -> dict[str, str]:
        shutil.copytree(migrated_home, folder, dirs_exist_ok=True)
        return _environment(folder) | variables

    return make


def _environment(home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in _SERVICES}
    return inherited | {"DOCPORTAL_HOME": str(home)}
