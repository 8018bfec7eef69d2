"""The recipes of the images, and their locks."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from docportal import RELEASE
from tests.deployment import images
from tests.deployment.compose import ROOT

# Of these Unsloth wants an older release than the rest of the product.
UNSLOTH = {"datasets", "fsspec", "huggingface-hub", "transformers", "trl"}
TORCH = re.compile(r"torch|torchvision|triton|nvidia-.*|cuda-.*")
# An image has the code, and no package of it.
BACK_UP = """
import sys
from importlib import metadata

there = metadata.version

def version(name):
    if name == "docportal":
        raise metadata.PackageNotFoundError(name)
    return there(name)

metadata.version = version
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("backup", sys.argv[1])
"""


def test_recipe_is_clean() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    linted = subprocess.run([linter, images.RECIPE], capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(("source", "place"), images.copied())
def test_what_the_recipe_copies_is_there_and_sent(source: str, place: str) -> None:
    assert (ROOT / source).exists()
    assert images.is_sent(source)


@pytest.mark.parametrize(
    "path",
    [
        *("secrets/secret_key", ".env", "var/db.sqlite3", "models/docportal-reader/config.json"),
        *(".git/config", "tests/conftest.py", ".venv/bin/python", "images/secrets.sh"),
        *("docportal/__pycache__/settings.pyc",),
    ],
)
def test_nothing_else_is_sent(path: str) -> None:
    assert not images.is_sent(path)


def test_backup_is_made_where_the_product_is_no_package(tmp_path: Path) -> None:
    app, home = tmp_path / "app", tmp_path / "home"
    app.mkdir()
    images.lay_out(app)
    unset = ("DATABASE_URL", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    ended = subprocess.run(
        [sys.executable, "-c", BACK_UP, tmp_path / "backups"],
        cwd=app,
        env=environment
        | {"DOCPORTAL_HOME": str(home), "DJANGO_SETTINGS_MODULE": "docportal.settings"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert len(list((tmp_path / "backups").glob("*.json"))) == 1


def test_code_knows_its_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == RELEASE


@pytest.mark.parametrize("image", images.LOCKS)
def test_image_runs_as_a_user_and_has_no_installer_of_packages(image: str) -> None:
    (user,) = images.steps("USER", image)
    assert user == "2000:2000"
    stages = images.stages()
    assert stages[image] == "portal"
    assert stages[stages[image]] == stages["installer"] == "${PYTHON}"
    assert not any("pip " in step for step in images.steps("RUN", image))
    compilers = [step for step in images.steps("RUN", image) if "gcc" in step]
    assert bool(compilers) == (image == "trainer")


@pytest.mark.parametrize("image", images.LOCKS)
def test_lock_names_one_file_of_each_package(image: str) -> None:
    text = (ROOT / "images" / f"{image}.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(images.locked(f"images/{image}.txt"))
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("image", images.LOCKS)
def test_lock_has_the_releases_of_the_constraints(image: str) -> None:
    constraints, lock = images.locked("constraints.txt"), images.locked(f"images/{image}.txt")
    different = {
        name for name in lock.keys() & constraints.keys() if lock[name] != constraints[name]
    }
    assert different == (UNSLOTH if image == "trainer" else set()), "make image-locks"


@pytest.mark.parametrize(
    ("image", "extras"), [("web", []), ("models", ["embedded"]), ("trainer", [])]
)
def test_lock_has_all_that_the_project_asks_for(image: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"]]
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", one)[0]).lower() for one in asked}
    assert names - {"torch"} <= images.locked(f"images/{image}.txt").keys(), "make image-locks"


def test_torch_is_the_same_in_both_images_and_in_none_but_these() -> None:
    (torch,) = images.locked("images/torch.txt").values()
    assert images.locked("images/trainer.txt")["torch"] == torch
    for image in ("web", "models"):
        assert [
            name for name in images.locked(f"images/{image}.txt") if TORCH.fullmatch(name)
        ] == []
    assert "transformers" not in images.locked("images/web.txt")


def test_trainer_has_the_releases_that_unsloth_is_proved_with() -> None:
    proved = images.locked("training/trainers/unsloth.txt")
    assert proved.items() <= images.locked("images/trainer.txt").items()


def test_locks_are_for_the_python_of_the_images() -> None:
    (python,) = [step for step in images.steps("ARG") if step.startswith("PYTHON=")]
    release = re.search(r"python:(\d+\.\d+\.\d+)-slim", python)
    assert release is not None
    assert f"--python-version {release[1]} " in (ROOT / "Makefile").read_text(encoding="utf-8")
