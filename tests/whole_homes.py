"""A home with a bit of everything in it: documents, pairs, an index, a dataset, a run, models."""

from dataclasses import dataclass

from django.utils import timezone

from docportal.models import User
from docportal.pipeline import process
from ingestion.models import Collection, DocumentVersion
from router import registry, retrieval
from router.models import Answer, Citation, ModelVersion, Query
from tests.documents import upload
from tests.model_files import Workshop
from training import datasets, runs
from training.models import Dataset, TrainingRun
from training.synthesis.versions import mine_version

FEES = """# Quay fees

## Cranes

| Fee | Price |
|---|---|
| Crane | {crane} EUR |
| Berth | 230 EUR |

## Opening hours

The gate of the quay closes at 18:30. Late ships wait at the outer buoy.
"""
CODES = "# Gate codes\n\nThe zebra code is 4711.\n"


@dataclass(frozen=True, slots=True)
class Home:
    """`served` came after `before`; `model` serves, `previous` did before it."""

    before: DocumentVersion
    served: DocumentVersion
    codes: DocumentVersion
    dataset: Dataset
    run: TrainingRun
    previous: ModelVersion
    model: ModelVersion
    answer: Answer


def an_intact_home(workshop: Workshop, wiki: Collection, vault: Collection, asker: User) -> Home:
    before = _version(wiki, "fees.md", FEES.format(crane=80))
    served = _version(wiki, "fees.md", FEES.format(crane=90))
    codes = _version(vault, "codes.md", CODES)
    mine_version(served.pk)
    retrieval.rebuild()
    dataset = datasets.freeze(collections=[wiki])
    previous, model = (_promoted(workshop, wiki, dataset, served) for _ in range(2))
    model.refresh_from_db()
    return Home(
        before=before,
        served=served,
        codes=codes,
        dataset=dataset,
        run=_run(wiki, dataset, model),
        previous=previous,
        model=model,
        answer=_answer(asker, model, [served, codes]),
    )


def _version(collection: Collection, path: str, text: str) -> DocumentVersion:
    version = upload(collection, path, text)
    process(version.pk)
    version.refresh_from_db()
    assert version.is_served, version.failure_reason
    return version


def _promoted(
    workshop: Workshop, wiki: Collection, dataset: Dataset, version: DocumentVersion
) -> ModelVersion:
    taught = version.chunks.values_list("content_hash", flat=True)
    candidate = workshop.candidate(
        readers={wiki.pk: ()},
        dataset_sha256=dataset.sha256,
        coverage=dict.fromkeys(taught, (1, None)),
    )
    return registry.promote(candidate, by=None)


def _run(wiki: Collection, dataset: Dataset, model: ModelVersion) -> TrainingRun:
    run = runs.request(collections=[wiki], by=None, enqueue=False)
    run.folder.mkdir(parents=True)
    run.state, run.dataset, run.model = TrainingRun.State.PROMOTED, dataset, model
    run.started_at = run.ended_at = timezone.now()
    run.save()
    return run


def _answer(asker: User, model: ModelVersion, cited: list[DocumentVersion]) -> Answer:
    query = Query.objects.create(user=asker, text="What does a crane cost?")
    answer = Answer.objects.create(
        query=query,
        route=Answer.Route.TUNED,
        text="90 EUR",
        model=model.name,
        confidence=0.9,
        retrieve_ms=20,
        generate_ms=300,
        verify_ms=2,
        total_ms=322,
        prompt_tokens=30,
        completion_tokens=5,
    )
    for rank, version in enumerate(cited, start=1):
        chunk = version.chunks.order_by("position")[0]
        Citation.objects.create(
            answer=answer, chunk=chunk, rank=rank, supports=True, start=0, end=5
        )
    return answer
