"""Freezing a dataset, checking it, and saying beforehand what it would hold."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from filelock import FileLock

from ingestion.errors import UserError
from ingestion.models import Collection
from training.datasets import manifest
from training.datasets.advice import warn
from training.datasets.attributes import asked_of
from training.datasets.composing import Composition, compose, outline
from training.datasets.gathering import Gathered, LeftOut, gather, mentioned
from training.datasets.material import Material, pairs_by_passage
from training.datasets.names import propose, runs_of, without
from training.datasets.splits import Split
from training.mixture import Mixture
from training.models import Dataset, TaughtFact
from training.process import Check
from training.rows import Form, Kind, Row, read_rows


@dataclass(frozen=True)
class Preview:
    """What a dataset of these collections would hold now, at most; nothing is written."""

    pairs: Mapping[str, int]  # by origin
    facts: int
    rows: Mapping[Form, int]
    questions: Mapping[Split, Mapping[Kind, int]]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Frozen:
    """A dataset, and what of the chosen collections is not in it, as JSON. Another choice that
    gives the same dataset leaves out something else, which is not for the same eyes."""

    dataset: Dataset
    left_out: list[dict[str, Any]]


def freeze(
    *,
    collections: Sequence[Collection],
    seed: int = 1,
    mixture: Mixture | None = None,
    check: Check = lambda: None,
) -> Frozen:
    """The dataset of these collections as they are now; the same one when nothing has changed.

    `mixture` is by default that of the settings. Raises `UserError`: `no-pairs`, `mixture`,
    `replay`; and what `check` raises, which is called again and again.
    """
    mixture = mixture or Mixture.parse(settings.DATASET_MIXTURE)
    gathered = gather(collections)
    if not gathered.material.pairs:
        raise _no_pairs(gathered.left_out)
    check()
    composition = _compose(gathered.material, mixture, seed, check)
    root = Path(settings.DATASETS_DIR)
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / manifest.LOCK):
        sha256 = manifest.keep(
            root,
            _description(gathered, composition, mixture, seed),
            {
                manifest.TRAIN: composition.train,
                manifest.VALIDATION: composition.validation,
                manifest.TEST: composition.test,
            },
        )
        dataset = _register(sha256, gathered, composition, seed)
    return Frozen(dataset, [each.as_json() for each in gathered.left_out])


def verify(dataset: Dataset) -> None:
    """Raises `UserError` (`dataset-damaged`) unless every byte is as it was frozen."""
    manifest.verify_folder(dataset.folder)


def preview(collections: Sequence[Collection], mixture: Mixture | None = None) -> Preview:
    """Raises `UserError` for an impossible mixture; no pairs at all are no error here."""
    mixture = mixture or Mixture.parse(settings.DATASET_MIXTURE)
    gathered = gather(collections)
    planned = outline(gathered.material, mixture=mixture, seed=1)
    return Preview(
        pairs=gathered.by_origin,
        facts=len(gathered.material.facts),
        rows=planned.rows,
        questions=planned.questions,
        left_out=gathered.left_out,
        warnings=warn(gathered.material, planned.questions["test"]),
    )


def _compose(material: Material, mixture: Mixture, seed: int, check: Check) -> Composition:
    asked = asked_of(material)
    check()
    proposed = propose({each.surface for each in asked}, seed=seed)
    return compose(
        material,
        asked=asked,
        names=without(proposed, mentioned(runs_of(proposed))),
        replay=_replay() if mixture.replay else (),
        mixture=mixture,
        seed=seed,
        check=check,
    )


def _replay() -> tuple[Row, ...]:
    if not settings.DATASET_REPLAY:
        raise UserError(
            "replay",
            "The mixture asks for replay, but DATASET_REPLAY names no file. Name one with the "
            "base model's own answers, or set replay=0 in DATASET_MIXTURE.",
        )
    path = Path(settings.DATASET_REPLAY)
    try:
        return tuple(replace(row, form="replay") for row in read_rows(path))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            "replay", f"DATASET_REPLAY, {path}, holds no rows of training: {error}"
        ) from error


def _no_pairs(left_out: Sequence[LeftOut]) -> UserError:
    reasons = " ".join(f"{each.what} ({each.pairs}): {each.why}" for each in left_out)
    return UserError(
        "no-pairs",
        "There is no pair to train on. Put questions and answers beside the documents as "
        "X_qa.jsonl and ingest them, run `synthesize`, or approve pairs that wait for review. "
        + reasons,
    )


def _description(
    gathered: Gathered, composition: Composition, mixture: Mixture, seed: int
) -> dict[str, Any]:
    """The manifest but its files. Times and numbers of rows in a table are not in it."""
    material = gathered.material
    used = sorted({pair.document for pair in material.pairs})
    held = composition.held_out
    return {
        "seed": seed,
        "mixture": mixture.as_json(),
        "collections": [
            {"id": each.pk, "slug": each.slug, "readers": gathered.readers[each.pk]}
            for each in gathered.collections
        ],
        "documents": [
            {"slug": source.slug, "version": source.version, "sha256": source.sha256}
            for source in (material.sources[document] for document in used)
        ],
        "passages": pairs_by_passage(material.pairs),
        "pairs": sorted(pair.id for pair in material.pairs),
        "facts": {fact: held[fact].split if fact in held else "train" for fact in material.facts},
        "held_out_pairs": {fact: each.pair.id for fact, each in sorted(held.items())},
        "rows": composition.rows,
    }


def _register(sha256: str, gathered: Gathered, composition: Composition, seed: int) -> Dataset:
    with transaction.atomic():
        known = Dataset.objects.filter(sha256=sha256).first()
        if known is not None:
            return known
        kinds = Counter(question.kind for question in composition.test)
        last = Dataset.objects.aggregate(last=Max("number"))["last"] or 0
        dataset = Dataset.objects.create(
            number=last + 1,
            sha256=sha256,
            seed=seed,
            pairs=len(gathered.material.pairs),
            facts=len(gathered.material.facts),
            train=len(composition.train),
            validation=len(composition.validation),
            test=len(composition.test),
            warnings=list(warn(gathered.material, kinds)),
        )
        dataset.collections.set(gathered.collections)
        TaughtFact.objects.bulk_create(
            [TaughtFact(dataset=dataset, fact_id=fact) for fact in sorted(gathered.facts)],
            batch_size=500,
        )
        return dataset
