"""`make setup` after a first try that failed. Interpreters of a few lines stand in for Python: what
is installed takes minutes."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# As Debian's Python leaves it without the package for environments.
HALF_MADE = 'case "$*" in *pip*) exit 1;; esac'
WHOLE = "exit 0"
OF_ANOTHER_PYTHON = 'case "$1" in -c) exit 1;; esac'


def write(program: Path, lines: str) -> Path:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> "$CALLS"\n{lines}\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """With a Python on the machine that fits and makes whole environments."""
    write(tmp_path / "whole", WHOLE)
    copy = 'mkdir -p "$folder/bin"; cp "${0%/*}/whole" "$folder/bin/python"'
    write(tmp_path / "python3", f'for folder; do :; done\ncase "$2" in venv) {copy};; esac')
    return tmp_path


def setup(place: Path) -> "subprocess.CompletedProcess[str]":
    venv = place / ".venv"
    command = ["make", f"VENV={venv}", f"PYTHON={place / 'python3'}", str(venv / ".installed")]
    environment = os.environ | {"CALLS": str(place / "calls")}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def made(place: Path) -> int:
    """How often an environment was made."""
    return (place / "calls").read_text().count("python3 -m venv")


@pytest.mark.parametrize(
    "left", [HALF_MADE, OF_ANOTHER_PYTHON, None], ids=["half made", "of another Python", "nothing"]
)
def test_what_an_earlier_try_left_is_made_anew(place: Path, left: str | None) -> None:
    if left is not None:
        write(place / ".venv/bin/python", left)
    assert setup(place).returncode == 0
    assert (place / ".venv/.installed").exists()
    assert made(place) == 1


def test_environment_that_is_whole_stays(place: Path) -> None:
    write(place / ".venv/bin/python", WHOLE)
    assert setup(place).returncode == 0
    assert made(place) == 0


def test_python_that_does_not_fit_is_named_with_the_way_out(place: Path) -> None:
    write(place / "python3", OF_ANOTHER_PYTHON)
    done = setup(place)
    assert done.returncode != 0
    assert "python3 made no environment" in done.stderr
    assert "PYTHON=python3.12" in done.stderr
    assert made(place) == 0
