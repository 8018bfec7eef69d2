"""A home with a bit of everything in it: documents, pairs, an index, a dataset, a run, models; and
what brings documents by itself and tells of them."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from django.utils import timezone

from docportal import webhooks
from docportal.models import User
from docportal.pipeline import process
from ingestion.models import Collection, Delivery, DocumentVersion, Event
from ingestion.sources import services
from ingestion.sources.syncing import sync
from router import registry, retrieval
from router.models import Answer, Citation, ModelVersion, Query
from tests.documents import upload
from tests.model_files import Workshop
from tests.repositories import Repository, guide
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
    dataset = datasets.freeze(collections=[wiki]).dataset
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


def follow_places(below: Path, *, git: Collection, folder: Collection) -> None:
    """Have one collection follow a repository and one a folder. What comes waits for a worker."""
    repository = Repository(below / "repository")
    repository.write("pier.md", guide("pier"))
    repository.write("ops/quay.md", guide("quay"))
    repository.commit("Begin")
    watched = below / "watched" / "berth.md"
    watched.parent.mkdir()
    watched.write_text(guide("berth"))
    long_ago = time.time() - 7200
    os.utime(watched, (long_ago, long_ago))
    _followed(git, "git", repository.path)
    _followed(folder, "folder", watched.parent)


def _followed(collection: Collection, kind: str, place: Path) -> None:
    source = services.add_source(
        collection=collection, actor=None, kind=kind, location=str(place), enqueue=False
    )
    assert sync(source.pk, enqueue=False)
    source.refresh_from_db()
    assert (source.state, source.failure) == ("idle", "")


def tell_of_documents(owner: User) -> None:
    """A webhook with one delivery that was taken and one that waits."""
    url, events = "https://hooks.example.com/docs", [Event.READY, Event.FAILED]
    made = webhooks.create(owner=owner, url=url, events=events, collections=[])
    told = Delivery(webhook=made.webhook, event=Event.READY, attempts=1, ended_at=timezone.now())
    told.state, told.status = Delivery.State.DELIVERED, 204
    told.save()
    webhooks.send_test(webhook=made.webhook, by=owner)


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
