"""What belongs into a backup: files by the rows that stand for them, and how much there is.

All questions go to the database `alias`, which is a state that no longer changes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Manager

from docportal.models import User
from ingestion.models import Collection, Document, DocumentVersion
from ingestion.storage import original_path, originals_folder
from router.models import Answer, ModelVersion
from training.datasets.manifest import FILES, MANIFEST
from training.models import Dataset, QAPair, TrainingRun
from training.process import LOG
from training.trainers.config import CONFIG

SECRET_KEY = "secret_key"  # noqa: S105
# Each by the first part of its files' names.
FOLDERS: Mapping[str, Callable[[], Path]] = {
    "originals": originals_folder,
    "tuned": lambda: Path(settings.TUNED_DIR),
    "datasets": lambda: Path(settings.DATASETS_DIR),
    "runs": lambda: Path(settings.RUNS_DIR),
}
_COUNTED: Mapping[str, Manager[Any]] = {
    "people": User.objects,
    "collections": Collection.objects,
    "documents": Document.objects,
    "versions": DocumentVersion.objects,
    "pairs": QAPair.objects,
    "answers": Answer.objects,
    "models": ModelVersion.objects,
    "datasets": Dataset.objects,
    "runs": TrainingRun.objects,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file, by its name in the backup. `sha256` is known of those that a row names by it.

    `optional`: nothing is wrong when it is not there.
    """

    name: str
    path: Path
    sha256: str = ""
    optional: bool = False


def models(alias: str) -> Iterator[Wanted]:
    """The files of tuned models that were not pruned. They go when a row says so."""
    kept = ModelVersion.objects.using(alias).filter(pruned_at=None).order_by("pk")
    for files in kept.values_list("files", flat=True):
        for path, sha256 in files.items():
            yield Wanted(f"tuned/{path}", Path(settings.TUNED_DIR) / path, sha256)


def others(alias: str) -> Iterator[Wanted]:
    """Originals, datasets, of the runs what is small, and the key: these are only ever added."""
    versions = DocumentVersion.objects.using(alias).order_by("sha256")
    for sha256 in versions.values_list("sha256", flat=True).distinct():
        path = original_path(sha256)
        yield Wanted(f"originals/{path.relative_to(originals_folder())}", path, sha256)
    for dataset in Dataset.objects.using(alias).order_by("pk"):
        for name in (MANIFEST, *FILES):
            yield Wanted(f"datasets/{dataset.sha256}/{name}", dataset.folder / name)
    for run in TrainingRun.objects.using(alias).order_by("pk"):
        for name in (CONFIG, LOG):
            name_in_backup = f"runs/{run.folder.name}/{name}"
            yield Wanted(name_in_backup, run.folder / name, optional=True)
    if key_is_in_home():
        yield Wanted(SECRET_KEY, key_path())


def key_path() -> Path:
    return Path(settings.DOCPORTAL_HOME) / SECRET_KEY


def key_is_in_home() -> bool:
    """Whether the key in use is that of the home, and not one of the environment."""
    path = key_path()
    return path.is_file() and path.read_text() == settings.SECRET_KEY


def counts(alias: str = "default") -> dict[str, int]:
    return {name: rows.using(alias).count() for name, rows in _COUNTED.items()}


def place(name: str) -> Path:
    """Where the file of this name belongs in this home."""
    folder, _, path = name.partition("/")
    return FOLDERS[folder]() / path
