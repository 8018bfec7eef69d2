"""Ways to damage a home, each named by the kind of problem that is then found."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.test import override_settings
from django.utils import timezone

from docportal.models import User
from ingestion import services
from ingestion.models import Chunk, CorpusRevision, DocumentVersion
from ingestion.storage import original_path, originals_folder
from router import model_store, retrieval
from router.models import (
    Answer,
    ChunkEmbedding,
    Citation,
    IndexGeneration,
    ModelCoverage,
    ModelVersion,
    Precedents,
    TaughtQuestions,
)
from router.retrieval.lexical import Entry, LexicalIndex
from tests.documents import upload
from tests.whole_homes import Home
from training.models import Dataset, QAPair, TrainingRun


def age(path: Path) -> Path:
    """Make it two hours old: nobody is making it any more."""
    then = time.time() - 7200
    os.utime(path, (then, then))
    return path


def _write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return age(path)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return age(path)


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def _without_rule(index: str) -> None:
    """A unique index is what keeps the database from this damage."""
    connection.check_constraints()  # PostgreSQL drops none with checks that are still to come.
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {index}")


def _vectors(home: Home) -> QuerySet[ChunkEmbedding]:
    return ChunkEmbedding.objects.filter(chunk__version=home.served)


def _index(pattern: str) -> Path:
    return next(Path(settings.INDEX_DIR).glob(pattern))


def _orphan_original(_: Home) -> None:
    content = b"nobody's"
    _write(original_path(hashlib.sha256(content).hexdigest()), content)


def _served_twice(home: Home) -> None:
    _without_rule("version_one_served")
    DocumentVersion.objects.filter(pk=home.before.pk).update(withdrawn_revision=None)
    retrieval.rebuild()


def _not_served(home: Home) -> None:
    number = CorpusRevision.objects.get().number + 1
    CorpusRevision.objects.update(number=number)
    DocumentVersion.objects.filter(pk=home.codes.pk).update(withdrawn_revision=number)


def _archived(home: Home) -> None:
    services.archive_document(document=home.codes.document, actor=None)
    DocumentVersion.objects.filter(pk=home.codes.pk).update(withdrawn_revision=None)
    CorpusRevision.objects.update(number=home.codes.published_revision)


def _lost_passages(home: Home) -> None:
    home.before.chunks.all().delete()


def _lost_tail(home: Home) -> None:
    """Of what is served: with its pairs, its vectors and its entries in the index."""
    home.served.chunks.filter(position__gt=0).delete()
    retrieval.rebuild()
    found = home.served.chunks.values("content_hash")
    QAPair.objects.exclude(content_hash__in=found).delete()


def _swapped_passage(home: Home) -> None:
    last = home.before.chunks.order_by("-position")[0]
    Chunk.objects.filter(pk=last.pk).update(position=7)


def _changed_passage(home: Home) -> None:
    Chunk.objects.filter(version=home.served, position=1).update(text="It never closes.")


def _renamed_passage(home: Home) -> None:
    Chunk.objects.filter(version=home.before, position=0).update(content_hash="0" * 64)


def _orphan_vector(home: Home) -> None:
    vector = _vectors(home)[0].vector
    ChunkEmbedding.objects.create(
        chunk_id=999_999, embedder=settings.EMBEDDINGS_MODEL, vector=vector
    )


def _index_of_another_model(_: Home) -> None:
    with override_settings(EMBEDDINGS_MODEL="another"):
        retrieval.rebuild()


def _entry_missing(home: Home) -> None:
    folder = _index("lexical-*")
    revision = LexicalIndex(folder).snapshot().revision
    LexicalIndex(folder).change(removed=[home.codes.pk], added=[], revision=revision)


def _entry_orphan(home: Home) -> None:
    folder = _index("lexical-*")
    revision = LexicalIndex(folder).snapshot().revision
    entry = Entry(999_999, 999_999, 1, "Withdrawn long ago.")
    LexicalIndex(folder).change(removed=[], added=[entry], revision=revision)


def _entry_twice(home: Home) -> None:
    folder = _index("lexical-*")
    revision = LexicalIndex(folder).snapshot().revision
    chunk = home.codes.chunks.get()
    entry = Entry(chunk.pk, home.codes.pk, home.codes.document.collection_id, chunk.text)
    LexicalIndex(folder).change(removed=[], added=[entry], revision=revision)


def _vector_entry_missing(home: Home) -> None:
    """The generation was made without one of the passages of its revision."""
    without = _vectors(home)[:1].values("pk")
    ChunkEmbedding.objects.filter(pk__in=without).update(embedder="another")
    retrieval.rebuild()
    _vectors(home).update(embedder=settings.EMBEDDINGS_MODEL)


def _several_serving(home: Home) -> None:
    _without_rule("model_one_serving")
    earlier = timezone.now() - timedelta(days=1)
    ModelVersion.objects.filter(pk=home.previous.pk).update(stage="serving", promoted_at=earlier)


def _pruned_way_back(home: Home) -> None:
    model_store.remove(home.previous.name)
    ModelVersion.objects.filter(pk=home.previous.pk).update(pruned_at=timezone.now())


def _pruned_with_files(home: Home) -> None:
    ModelVersion.objects.filter(pk=home.model.pk).update(previous=None)
    pruned_at = timezone.now() - timedelta(days=1)
    ModelVersion.objects.filter(pk=home.previous.pk).update(pruned_at=pruned_at)


def _pruned_with_taught_questions(home: Home) -> None:
    TaughtQuestions.objects.create(
        model=home.previous, embedder="e", questions=[], vectors=b"", sha256="0" * 64
    )
    _pruned_with_files(home)
    model_store.remove(home.previous.name)


def _changed_precedents(home: Home) -> None:
    Precedents.objects.create(
        document=home.served.document,
        embedder="e",
        rows=[],
        asked=[],
        vectors=b"\0",
        sha256="0" * 64,
        mark=0,
        size=0,
        has_written=False,
    )


def _tightened(home: Home) -> None:
    home.served.document.collection.readers.add(*home.codes.document.collection.readers.all())


def _nobodys(home: Home) -> None:
    readers = home.codes.document.collection.readers.all()
    User.groups.through.objects.filter(group__in=readers).delete()


def tomorrow() -> dict[str, Any]:
    """The lease of somebody whose clock was ahead."""
    return {"lease_until": timezone.now() + timedelta(days=1)}


def _hold_version(home: Home) -> None:
    version = upload(home.codes.document.collection, "late.md", "# Late codes")
    DocumentVersion.objects.filter(pk=version.pk).update(state="parsing", **tomorrow())


def hold_run(home: Home) -> None:
    held = {"state": "running", "device": "cpu", "ended_at": None}
    TrainingRun.objects.filter(pk=home.run.pk).update(**held, **tomorrow())


def _forgotten(home: Home) -> None:
    started = timezone.now() - timedelta(hours=2)
    TrainingRun.objects.filter(pk=home.run.pk).update(
        state="running", device="cpu", started_at=started, ended_at=None, lease_until=started
    )


def _run_without_folder(home: Home) -> None:
    TrainingRun.objects.filter(pk=home.run.pk).update(
        state="running", device="cpu", ended_at=None, lease_until=timezone.now()
    )
    shutil.rmtree(home.run.folder)


def _pairs() -> QuerySet[QAPair]:
    return QAPair.objects.filter(pk=QAPair.objects.filter(answer="230 EUR").order_by("pk")[0].pk)


Damage = Callable[[Home], object]

# What a person has to decide: the only truth is gone, or there are two.
KEPT: dict[str, Damage] = {
    "original-missing": lambda home: original_path(home.before.sha256).unlink(),
    "original-changed": lambda home: _append(original_path(home.served.sha256)),
    "original-misplaced": lambda _: _write(originals_folder() / "ab" / "notes.txt"),
    "model-file-missing": lambda home: next(
        model_store.merged_folder(home.model.name).glob("*.safetensors")
    ).unlink(),
    "model-weights-changed": lambda home: _flip_a_bit(
        model_store.adapter_folder(home.model.name) / "adapter_model.safetensors"
    ),
    "model-config-changed": lambda home: _append(
        model_store.adapter_folder(home.model.name) / "adapter_config.json"
    ),
    "model-file-unknown": lambda home: _write(
        model_store.merged_folder(home.model.name) / "modeling.py"
    ),
    "base-missing": lambda _: (Path(settings.MODELS_DIR) / "base").unlink(),
    "base-changed": lambda _: _append(Path(settings.MODELS_DIR) / "base" / "model.safetensors"),
    "model-audience": lambda home: ModelVersion.objects.filter(pk=home.previous.pk).update(
        stage="candidate", readers={str(home.served.document.collection_id): [4711]}
    ),
    "citation-unreadable": _nobodys,
    "answer-model": lambda _: Answer.objects.update(model="docs-v0099"),
    "dataset-missing": lambda home: shutil.rmtree(home.dataset.folder),
    "dataset-damaged": lambda home: _append(home.dataset.folder / "train.jsonl"),
    "run-model-missing": lambda _: TrainingRun.objects.update(model=None),
}
MENDED: dict[str, Damage] = {
    "original-leftover": lambda _: _write(originals_folder() / ".new-0f0f"),
    "original-orphan": _orphan_original,
    "served-twice": _served_twice,
    "not-served": _not_served,
    "archived-served": _archived,
    "corpus-revision": lambda _: (
        CorpusRevision.objects.update(number=1),
        retrieval.rebuild(),
    ),
    "version-lease": _hold_version,
    "passages-missing": _lost_passages,
    "passages-missing at the end": _lost_tail,
    "passage-positions": _swapped_passage,
    "passage-changed": _changed_passage,
    "passage-changed by its name": _renamed_passage,
    "vector-missing": lambda home: _vectors(home).delete(),
    "vector-model": lambda home: _vectors(home).update(embedder="another"),
    "vector-dimension": lambda home: _vectors(home).update(vector=b"\0" * 8),
    "vector-length": lambda home: _vectors(home).update(vector=b"\0" * 1536),
    "vector-orphan": _orphan_vector,
    "index-missing": lambda _: shutil.rmtree(settings.INDEX_DIR),
    "index-damaged": lambda _: _flip_a_bit(_index("vectors-*/vectors.faiss")),
    "index-damaged by its words": lambda _: _flip_a_bit(_index("lexical-*/*.idx")),
    "index-foreign": lambda _: IndexGeneration.objects.update(manifest_sha256="0" * 64),
    "index-model": _index_of_another_model,
    "index-revision": lambda _: IndexGeneration.objects.update(revision=1),
    "index-ahead": lambda home: (
        DocumentVersion.objects.filter(pk=home.codes.pk).delete(),
        CorpusRevision.objects.update(number=2),
    ),
    "index-entry-missing": _entry_missing,
    "index-entry-missing of its vectors": _vector_entry_missing,
    "index-entry-orphan": _entry_orphan,
    "index-entry-twice": _entry_twice,
    "model-leftover": lambda _: _folder(Path(settings.TUNED_DIR) / "adapters/.new-docs-v0007"),
    "model-leftover of a model that stands": lambda home: _folder(
        Path(settings.TUNED_DIR) / f"adapters/.new-{home.model.name}"
    ),
    "model-orphan": lambda _: _folder(Path(settings.TUNED_DIR) / "docs-v0007"),
    "model-pruned-files": _pruned_with_files,
    "several-serving": _several_serving,
    "previous-missing": _pruned_way_back,
    "coverage-orphan": lambda _: ModelCoverage.objects.create(
        model_id=999_999, content_hash="0" * 64, pairs=1
    ),
    "taught-orphan": _pruned_with_taught_questions,
    "precedents-changed": _changed_precedents,
    "model-collections": lambda home: home.model.collections.clear(),
    "tainted-serves": _tightened,
    "citation-span": lambda _: Citation.objects.filter(rank=1).update(end=9_999),
    "dataset-counts": lambda _: Dataset.objects.update(train=1),
    "dataset-leftover": lambda _: _folder(Path(settings.DATASETS_DIR) / ".new-ab12"),
    "dataset-orphan": lambda _: _folder(Path(settings.DATASETS_DIR) / ("a" * 64)),
    "run-orphan": lambda _: _folder(Path(settings.RUNS_DIR) / "0042"),
    "run-lease": hold_run,
    "run-forgotten": _forgotten,
    "run-folder-missing": _run_without_folder,
    "account-left": lambda _: User.objects.create(
        username=f"evaluation of run 7 {'0f' * 16}",
        is_active=False,
        date_joined=timezone.now() - timedelta(days=2),
    ),
    "pair-passage": lambda _: _pairs().update(content_hash="0" * 64),
    "pair-evidence": lambda _: _pairs().update(evidence="It is 240 EUR."),
    "pair-evidence in another place": lambda _: _pairs().update(start=0, end=1),
    "pair-key": lambda _: _pairs().update(question_key="0" * 64),
}
