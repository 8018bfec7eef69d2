"""The files of tuned models under `TUNED_DIR`; who may be served stands in rows, not here.

    adapters/NAME/        the adapter, which a company's model server loads
    NAME/                 the merged model, which the embedded server loads
    adapters/.new-NAME/   a model that is being put there; it goes when its row stands

A model is copied, checked and written to the disk under `.new-NAME`, and then renamed whole. As
long as that folder stands and no row does, nothing of NAME is in use and all of it can be removed.
"""

import contextlib
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from filelock import FileLock

from ingestion.errors import UserError
from ingestion.storage import sha256_of, sync
from router.adapter_files import ADAPTER_FILES, LEFT_BEHIND, MERGED_FILES

_NEW, _OLD = ".new-", ".old-"


@dataclass(frozen=True, slots=True)
class Staged:
    """A model on its way in. `merged` is None where a server loads adapters."""

    name: str
    adapter: Path
    merged: Path | None

    @property
    def folder(self) -> Path:
        return self.adapter.parent


def adapter_folder(name: str) -> Path:
    return _adapters() / name


def merged_folder(name: str) -> Path:
    return Path(settings.TUNED_DIR) / name


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """One at a time puts models in or removes them, of all processes that share the folder."""
    _adapters().mkdir(parents=True, exist_ok=True)
    with FileLock(Path(settings.TUNED_DIR) / ".lock"):
        yield


def folders(name: str) -> tuple[Path, Path]:
    return adapter_folder(name), merged_folder(name)


def names() -> set[str]:
    """What there is, in any state: none of these names may be given to another model."""
    return {folder.name.removeprefix(_NEW) for folder in _all()}


def leftovers() -> list[Path]:
    """Folders of models on their way in or out; with nobody at work, what a killed process left."""
    return [folder for folder in _all() if folder.name.startswith((_NEW, _OLD))]


def _all() -> list[Path]:
    there = [root for root in (Path(settings.TUNED_DIR), _adapters()) if root.is_dir()]
    return sorted(folder for root in there for folder in root.iterdir())


@contextlib.contextmanager
def staged(name: str, adapter: Path, merged: Path | None) -> Iterator[Staged]:
    """Copies of both folders, on the disk. Whatever goes wrong in the block, nothing is left.

    Raises `UserError` (`bad-adapter`) for a file that has no place in them.
    """
    folder = _adapters() / f"{_NEW}{name}"
    folder.mkdir()
    try:
        _copy(adapter, folder / "adapter", lambda file: file in ADAPTER_FILES)
        if merged is not None:
            _copy(merged, folder / "merged", lambda file: bool(MERGED_FILES.fullmatch(file)))
        yield Staged(name, folder / "adapter", folder / "merged" if merged is not None else None)
    except BaseException:
        remove(name)
        raise
    finally:
        shutil.rmtree(folder)


def publish(model: Staged) -> dict[str, str]:
    """Put a staged model in its place; returns the sha256 of each file, by path under the root."""
    places = {model.adapter: adapter_folder(model.name)}
    if model.merged is not None:
        places[model.merged] = merged_folder(model.name)
    for staged_folder, place in places.items():
        staged_folder.rename(place)
        sync(place.parent)
    root = Path(settings.TUNED_DIR)
    files = [file for place in places.values() for file in place.iterdir()]
    return {str(file.relative_to(root)): sha256_of(file) for file in sorted(files)}


def remove_leftovers(known: Collection[str]) -> None:
    """Remove what a killed process was putting in, unless its row stands."""
    for folder in _adapters().glob(f"{_NEW}*"):
        if (name := folder.name.removeprefix(_NEW)) not in known:
            remove(name)
        shutil.rmtree(folder)


def remove(name: str) -> None:
    """Remove a model's files, if any; renamed first, so that no half of it bears the name."""
    for folder in (merged_folder(name), adapter_folder(name)):
        going = folder.with_name(f"{_OLD}{name}")
        shutil.rmtree(going, ignore_errors=True)
        if folder.exists():
            folder.rename(going)
            shutil.rmtree(going)


def check_files(name: str, files: dict[str, str], *, merged: bool) -> None:
    """Raises `UserError` (`tampered`) unless exactly `files` are there, each as it was put in.

    `merged`: without a merged model there is nothing to serve.
    """
    root = Path(settings.TUNED_DIR)
    folders = [adapter_folder(name), *([merged_folder(name)] if merged else [])]
    expected = {path: sha for path, sha in files.items() if (root / path).parent in folders}
    there = {
        str(file.relative_to(root)): file
        for folder in folders
        if folder.is_dir()
        for file in folder.iterdir()
    }
    wrong = sorted(expected.keys() ^ there.keys())
    wrong += [path for path in expected.keys() & there if sha256_of(there[path]) != expected[path]]
    if wrong or {(root / path).parent for path in expected} != set(folders):
        what = ", ".join(wrong) or f"the merged model of {name}"
        raise UserError(
            "tampered",
            f"{name} is not as it was registered: {what} is missing or was changed. It cannot "
            "serve; restore its files from a backup, or train again.",
        )


def missing(name: str, files: Collection[str]) -> list[str]:
    """Those of `files` that the embedded server of a version reads and that are not there.

    Paths under the root, as in `publish`; of a version without any, its config.json.
    """
    root, merged = Path(settings.TUNED_DIR), merged_folder(name)
    read = [path for path in files if (root / path).parent == merged]
    return [path for path in read or [f"{name}/config.json"] if not (root / path).is_file()]


def _adapters() -> Path:
    return Path(settings.TUNED_DIR) / "adapters"


def _copy(source: Path, target: Path, wanted: Callable[[str], bool]) -> None:
    target.mkdir()
    for file in sorted(source.iterdir()):
        if file.name in LEFT_BEHIND:
            continue
        if file.is_symlink() or not file.is_file() or not wanted(file.name):
            raise UserError(
                "bad-adapter",
                f"{file} has no place in a model. Only safetensors and their settings are taken.",
            )
        shutil.copyfile(file, target / file.name)
        sync(target / file.name)
    sync(target)
