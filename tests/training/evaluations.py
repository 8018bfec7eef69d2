"""Runs with a frozen dataset of a test's own questions, as they stand before their evaluation."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from ingestion.models import Collection, Document
from router.adapter_files import weights_sha256
from training import jobs, runs
from training.asking import Said, keep
from training.datasets import manifest
from training.evaluation import evaluate
from training.jobs import Claim
from training.models import Dataset, Evaluation, QAPair, TrainingRun
from training.rows import Question, Row
from training.trainers.config import CONFIG, RunConfig


def a_question(
    number: int,
    question: str,
    *answers: str,
    document: Document | None = None,
    domain: str = "wiki",
    fact: str = "",
    passage: str = "",
) -> Question:
    return Question(
        id=number,
        question=question,
        answers=answers,
        kind="recall" if answers else "refusal",
        domain=domain,
        document=document.pk if document else None,
        fact=fact or (f"fact {number}" if answers else ""),
        passage=passage,
    )


def a_dataset(
    collections: Sequence[Collection],
    questions: Sequence[Question],
    rows: Sequence[Row] = (),
    pairs: Sequence[QAPair] = (),
) -> Dataset:
    described = [
        {
            "id": each.pk,
            "slug": each.slug,
            "readers": sorted(each.readers.values_list("pk", flat=True)),
        }
        for each in collections
    ]
    contents: dict[str, Sequence[Row] | Sequence[Question]] = {
        manifest.TRAIN: rows,
        manifest.VALIDATION: (),
        manifest.TEST: questions,
    }
    root = Path(settings.DATASETS_DIR)
    told = {"collections": described, "pairs": [pair.pk for pair in pairs]}
    sha256 = manifest.keep(root, told, contents)
    dataset = Dataset.objects.create(
        number=Dataset.objects.count() + 1,
        sha256=sha256,
        seed=1,
        pairs=len(rows),
        facts=len(rows),
        train=len(rows),
        validation=0,
        test=len(questions),
    )
    dataset.collections.set(collections)
    return dataset


def a_trained_run(dataset: Dataset) -> Claim:
    """A claimed run that has come to its evaluation."""
    run = runs.request(collections=list(dataset.collections.all()), by=None, enqueue=False)
    job = jobs.claim(run.pk, ["cpu"])
    assert job is not None
    jobs.enter(job, TrainingRun.State.EVALUATING, dataset=dataset)
    job.run.folder.mkdir(parents=True, exist_ok=True)
    return job


def a_judged_run(dataset: Dataset, base: Path, *, start: str = "") -> Claim:
    """All but its adapter, of a run whose model can be registered. It was asked nothing."""
    job = a_trained_run(dataset)
    Evaluation.objects.create(run=job.run, system=Evaluation.System.TUNED)
    RunConfig(
        trainer="peft",
        base=str(base),
        data=str(dataset.folder),
        out=str(job.run.folder),
        base_sha256=weights_sha256(base),
        start=start,
    ).write(job.run.folder / CONFIG)
    return job


def an_adapter(folder: Path, weights: bytes = b"weights") -> Path:
    """Only its file of weights: for answers that are on disk already."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(weights)
    return folder


def said(path: Path, answers: Mapping[int, str], *, ms: float = 100.0) -> None:
    """Answers as an evaluation finds them when it goes on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keep(path, {number: Said(answer, ms) for number, answer in answers.items()})


@contextmanager
def no_servers() -> Iterator[None]:
    """Whatever answers, the settings name it."""
    yield


def run_evaluation(
    job: Claim, adapter: Path, base: Path = Path("no-base"), seconds: float = 0
) -> None:
    """With what the settings name for servers."""
    evaluate(
        job.run,
        adapter=adapter,
        base=base,
        embedder=no_servers,
        servers=no_servers,
        seconds=seconds,
    )
