"""A trained and judged adapter becomes a model version, with all that is known of it."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from ingestion.models import Chunk
from router import registry
from router.models import ModelVersion
from training import process
from training.datasets.manifest import read_manifest
from training.evaluation import dataset_of
from training.heldout import exact_match, outcomes_of
from training.models import TrainingRun
from training.process import Check
from training.trainers.config import CONFIG, RunConfig

Coverage = dict[str, tuple[int, float | None]]
"""By content hash: pairs that were trained, and exact match on held-out phrasings."""


def register_model(run: TrainingRun, *, passed: bool, check: Check) -> ModelVersion:
    """The run's model version; the same one when it is called again.

    Raises `UserError` as `registry.register`, `Died`, and what `check` raises.
    """
    config, dataset = RunConfig.read(run.folder / CONFIG), dataset_of(run)
    base, adapter = Path(config.base), run.folder / "adapter"
    manifest = read_manifest(dataset.folder)
    model = registry.register(
        adapter=adapter,
        merged=None if settings.LLM_URL else _merged(run, base, adapter, check),
        base=base,
        base_sha256=config.base_sha256,
        dataset_sha256=dataset.sha256,
        recipe=config.as_json(),
        metrics=run.metrics,
        readers=_readers(config, manifest),
        coverage=_seen(manifest["documents"]) | _coverage(run, manifest["passages"]),
        gate_passed=passed,
    )
    shutil.rmtree(_merged_folder(run), ignore_errors=True)
    return model


def _readers(config: RunConfig, manifest: Mapping[str, Any]) -> dict[int, Sequence[int]]:
    """Those of its own data, and of all that the model knows which it was made on top of: that
    stays in its weights."""
    taught = {each["id"]: each["readers"] for each in manifest["collections"]}
    if not config.start:
        return taught
    start = ModelVersion.objects.get(name=Path(config.start).name)
    return {int(pk): groups for pk, groups in start.readers.items()} | taught


def _merged(run: TrainingRun, base: Path, adapter: Path, check: Check) -> Path:
    target = _merged_folder(run)
    process.run_module(
        "training.merging", str(base), str(adapter), str(target), folder=run.folder, check=check
    )
    return target


def _merged_folder(run: TrainingRun) -> Path:
    """Until the version has a copy of its own."""
    return run.folder / "merged"


def _seen(documents: list[dict[str, Any]]) -> Coverage:
    """The passages of the documents that it was trained on, also those that no pair is about.

    They are no news to it: what nobody could ask about then is not fresher for that.
    """
    trained = {(one["slug"], one["version"]) for one in documents}
    chunks = Chunk.objects.filter(version__document__slug__in=[slug for slug, _ in trained])
    fields = ("version__document__slug", "version__number", "content_hash")
    return {
        content_hash: (0, None)
        for slug, number, content_hash in chunks.values_list(*fields).iterator()
        if (slug, number) in trained
    }


def _coverage(run: TrainingRun, passages: dict[str, int]) -> Coverage:
    """Of every passage in the data, also of those that nothing was held out of."""
    outcomes = outcomes_of(run)
    return {
        passage: (pairs, exact_match(outcomes.get(passage, {}).values()))
        for passage, pairs in passages.items()
    }
