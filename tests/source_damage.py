"""Ways to damage what a home knows of sources and webhooks, each named as in `tests.damage`."""

import shutil
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from ingestion.models import Delivery, Document, DocumentVersion, Source, SourceFile
from tests.damage import Damage, age, tomorrow
from tests.whole_homes import Home


def _source(kind: str) -> QuerySet[Source]:
    return Source.objects.filter(kind=kind)


def _in_mirror(name: str) -> Path:
    return Path(settings.SOURCES_DIR) / f"{_source('git').get().pk}.git" / name


def _left(name: str) -> None:
    path = _in_mirror(name)
    path.write_bytes(b"")
    age(path)


def _mirror_of(key: int) -> None:
    folder = Path(settings.SOURCES_DIR)
    for path in (folder / f"{key}.git", folder / f"{key}.config"):
        path.mkdir() if path.suffix == ".git" else path.touch()
        age(path)


def _flipped_object() -> None:
    """The bytes of a document, as git has them."""
    name = SourceFile.objects.get(document__path="pier.md").fingerprint
    path = _in_mirror(f"objects/{name[:2]}/{name[2:]}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.chmod(0o644)
    path.write_bytes(content)


def _files(path: str) -> QuerySet[SourceFile]:
    return SourceFile.objects.filter(document__path=path)


def _elsewhere(home: Home) -> None:
    of_another = home.codes.document.collection
    Document.objects.filter(path="pier.md").update(collection=of_another)


def _late() -> None:
    Delivery.objects.filter(state="waiting").update(due_at=timezone.now() + timedelta(days=2))


KEPT: dict[str, Damage] = {
    "source-file-collection": _elsewhere,
    "delivery-untaken": lambda _: Delivery.objects.filter(state="delivered").update(status=503),
}
MENDED: dict[str, Damage] = {
    "mirror-orphan": lambda _: _mirror_of(999),
    "mirror-orphan of a folder": lambda _: _mirror_of(_source("folder").get().pk),
    "mirror-leftover": lambda _: _left("shallow.lock"),
    "mirror-leftover of a pack": lambda _: _left("objects/pack/tmp_pack_gZ3kQ1"),
    "mirror-damaged": lambda _: _flipped_object(),
    "mirror-damaged by what it lacks": lambda _: shutil.rmtree(_in_mirror("objects")),
    "source-lease": lambda _: _source("git").update(state="syncing", **tomorrow()),
    "source-forgotten": lambda _: _source("git").update(next_at=None),
    "source-forgotten until late": lambda _: _source("folder").update(
        next_at=timezone.now() + timedelta(days=2)
    ),
    "source-question": lambda _: _source("git").update(state="asking"),
    "source-file-untaken": lambda _: DocumentVersion.objects.filter(
        document__path="pier.md"
    ).delete(),
    "source-file-untaken from a folder": lambda _: _files("berth.md").update(fingerprint="0" * 64),
    "source-commit": lambda _: _files("pier.md").delete(),
    "source-commit of a lost document": lambda _: Document.objects.filter(path="pier.md").delete(),
    "delivery-lease": lambda _: Delivery.objects.filter(state="waiting").update(**tomorrow()),
    "delivery-late": lambda _: _late(),
}
