"""A run from its request to its end, with the real trainer on a tiny Llama."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import F
from pytest_django import Settings

from ingestion import services
from ingestion.errors import UserError
from ingestion.leases import LeaseLost
from ingestion.models import Collection, Document, DocumentVersion
from tests.documents import upload
from tests.router.retrieval.hashed_words import HashedWords
from tests.small_disks import fill, small_disk
from tests.training.datasets.pairs import NAMES, teach
from training import datasets, jobs, pipeline, precedents, runs
from training.datasets.manifest import TRAIN
from training.jobs import Claim, Halted
from training.models import Dataset, QAPair, TrainingRun
from training.synthesis.versions import mine_waiting
from training.trainers.config import CONFIG, RunConfig

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]

State = TrainingRun.State
Tell = Callable[[TrainingRun], None]


@pytest.fixture(autouse=True)
def tiny_base(settings: Settings, tiny_llama: Path) -> None:
    settings.MODELS_DIR, settings.BASE_MODEL = tiny_llama.parent, tiny_llama.name
    settings.EVALUATION_RAG_QUESTIONS = 0


@pytest.fixture
def run(wiki: Collection) -> TrainingRun:
    """It ends by its epochs, within seconds on an idle machine."""
    teach(wiki, *NAMES)
    return runs.request(collections=[wiki], by=None, enqueue=False)


def when(state: str, then: Callable[[], object], *, step: int = 0) -> Tell:
    """Do something once, as soon as the run's row is in this state and at this step."""
    done = False

    def tell(told: TrainingRun) -> None:
        nonlocal done
        row = TrainingRun.objects.get(pk=told.pk)
        if row.state == state and row.step >= step and not done:
            done = True
            then()

    return tell


def trainers() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "training.trainers" in child.cmdline()
    ]


def in_thread(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        connection.close()


def claimed(run: TrainingRun) -> Claim:
    job = jobs.claim(run.pk, ["cpu"])
    assert job is not None
    return job


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.timeout(900)
def test_run_is_trained_judged_and_kept_whatever_the_gate_says(run: TrainingRun) -> None:
    document = Document.objects.earliest("pk")

    def archive() -> None:
        services.archive_document(document=document, actor=None)

    states: list[str] = []
    archive_while_training = when(State.RUNNING, archive, step=1)

    def tell(told: TrainingRun) -> None:
        states.append(TrainingRun.objects.get(pk=told.pk).state)
        archive_while_training(told)

    assert pipeline.advance(run.pk, tell=tell)
    run.refresh_from_db()
    assert list(dict.fromkeys(states)) == ["preparing", "running", "evaluating", "rejected"]
    assert (run.state, run.failure_reason) == (State.REJECTED, "")
    points = list(run.points.all())
    assert [point.step for point in points] == list(range(1, run.step + 1))
    assert any(point.exact_match is not None and point.answers for point in points)
    assert not all(check["passed"] for check in run.gate)
    model = run.model
    assert model is not None
    assert (model.gate_passed, model.stage, model.base) == (False, "candidate", "tiny")
    assert model.coverage.count() == len(NAMES)
    assert model.recipe == json.loads((run.folder / CONFIG).read_text())
    kept = {path.name for path in run.folder.iterdir() if path.is_dir()}
    assert kept == {"adapter", "evaluation"}
    assert not pipeline.advance(run.pk)


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.timeout(900)
def test_cancelled_run_is_resumed_and_tightened_readers_stop_its_model(
    run: TrainingRun, wiki: Collection
) -> None:
    cancel = when(State.RUNNING, lambda: runs.cancel(run=run, by=None), step=1)
    assert pipeline.advance(run.pk, tell=cancel)
    run.refresh_from_db()
    assert (run.state, trainers()) == (State.CANCELLED, [])
    stopped_at = run.step
    runs.resume(run=run, by=None, enqueue=False)
    readers = Group.objects.create(name="insiders")
    assert pipeline.advance(run.pk, tell=when(State.EVALUATING, lambda: wiki.readers.add(readers)))
    run.refresh_from_db()
    assert run.state == State.REJECTED
    assert run.gate[-1]["check"] == "readers"
    assert "fewer readers" in run.gate[-1]["reason"]
    seconds = list(run.points.values_list("seconds", flat=True))
    assert len(seconds) == run.step > stopped_at
    assert all(earlier < later for earlier, later in pairwise(seconds))


def test_run_waits_for_documents_that_are_being_read(run: TrainingRun, wiki: Collection) -> None:
    reading = upload(wiki, "late.md", "# Late")
    job = claimed(run)
    preparing = threading.Thread(target=in_thread, args=(lambda: pipeline.prepare(job),))
    preparing.start()
    teach(wiki, "quay-late")
    DocumentVersion.objects.filter(pk=reading.pk).update(
        state=DocumentVersion.State.FAILED, failure_id="no-text", failure_reason="Nothing in it."
    )
    preparing.join()
    run.refresh_from_db()
    assert run.dataset is not None
    assert "quay-late" in (run.dataset.folder / TRAIN).read_text()


@contextmanager
def at_the_first_look_at_precedents(then: Callable[[], object]) -> Iterator[None]:
    """Have `then` done when a run first asks for those that are there."""
    looks = 0

    def look(execute: Callable[..., object], sql: str, *rest: object) -> object:
        nonlocal looks
        looks += 'FROM "router_precedents"' in sql
        if looks == 1:
            looks += 1
            then()
        return execute(sql, *rest)

    with connection.execute_wrapper(look):
        yield
    assert looks


def test_run_waits_for_the_questions_of_its_pairs_to_be_embedded(
    run: TrainingRun, embedder: HashedWords
) -> None:
    frozen_before: list[bool] = []

    def embed() -> None:
        frozen_before.append(Dataset.objects.exists())
        precedents.refresh()

    with at_the_first_look_at_precedents(embed):
        pipeline.prepare(claimed(run))
    assert embedder.texts
    assert frozen_before == [False]
    assert Dataset.objects.exists()


@pytest.mark.usefixtures("embedder")
def test_run_can_be_cancelled_while_it_waits_for_them(run: TrainingRun) -> None:
    with at_the_first_look_at_precedents(lambda: runs.cancel(run=run, by=None)):
        assert pipeline.advance(run.pk)
    run.refresh_from_db()
    assert (run.state, run.dataset) == (State.CANCELLED, None)


@pytest.mark.usefixtures("embedder")
def test_run_goes_on_where_nobody_embeds_them(
    run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "EMBEDDING_SHARE", 1e-6)
    pipeline.prepare(claimed(run))
    run.refresh_from_db()
    assert run.state == State.RUNNING
    assert precedents.outdated()


@pytest.mark.parametrize("place", [1, 2])
def test_run_that_is_cancelled_while_its_data_are_frozen_ends_there(
    run: TrainingRun, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """At the first or second look at passages: for the pairs, and for names that nothing has."""
    monkeypatch.setattr(pipeline, "LOOK_EVERY", 0.0)
    looks = 0

    def cancel(execute: Callable[..., object], sql: str, *rest: object) -> object:
        nonlocal looks
        if '"ingestion_chunk"."heading_path"' in sql.partition("FROM")[0] and "INSERT" not in sql:
            looks += 1
            if looks == place:
                runs.cancel(run=run, by=None)
        return execute(sql, *rest)

    mine_waiting()
    with connection.execute_wrapper(cancel):
        assert pipeline.advance(run.pk)
    run.refresh_from_db()
    assert looks == place
    assert (run.state, run.dataset) == (State.CANCELLED, None)
    assert not Dataset.objects.exists()


def test_run_keeps_what_of_its_collections_is_not_in_its_data(
    run: TrainingRun, wiki: Collection
) -> None:
    teach(wiki, "quay-bell", review=QAPair.Review.PENDING)
    pipeline.prepare(claimed(run))
    run.refresh_from_db()
    assert "Pairs that wait for review" in [each["what"] for each in run.left_out]


@pytest.mark.any_database
def test_worker_that_has_to_end_leaves_the_run_with_a_checkpoint(run: TrainingRun) -> None:
    job = claimed(run)
    pipeline.prepare(job)
    try:
        with jobs.lease_kept(job), pytest.raises(Halted):
            pipeline.train(job, when(State.RUNNING, jobs.halt.set, step=1))
    finally:
        jobs.halt.clear()
    run.refresh_from_db()
    assert (run.state, trainers()) == (State.RUNNING, [])
    assert list((run.folder / "checkpoints").iterdir())
    assert jobs.claim(run.pk, ["cpu"]) is not None


def test_worker_that_lost_its_run_stops_its_trainer(run: TrainingRun) -> None:
    def take_over() -> None:
        TrainingRun.objects.filter(pk=run.pk).update(fence=F("fence") + 1, step=0)

    job = claimed(run)
    pipeline.prepare(job)
    with pytest.raises(LeaseLost):
        pipeline.train(job, when(State.RUNNING, take_over, step=1))
    run.refresh_from_db()
    assert (run.step, trainers()) == (0, [])


@pytest.mark.slow
def test_killed_trainer_is_started_again(run: TrainingRun) -> None:
    def kill() -> None:
        for trainer in trainers():
            trainer.kill()

    job = claimed(run)
    pipeline.prepare(job)
    pipeline.train(job, when(State.RUNNING, kill, step=1))
    run.refresh_from_db()
    assert run.state == State.EVALUATING
    events = (run.folder / "events.jsonl").read_text()
    assert events.count('"started"') == 2


def test_trainer_that_dies_again_and_again_fails_the_run_with_its_last_words(
    run: TrainingRun,
) -> None:
    job = claimed(run)
    pipeline.prepare(job)
    config = RunConfig.read(run.folder / CONFIG)
    RunConfig(**(config.as_json() | {"trainer": "abacus"})).write(run.folder / CONFIG)
    with pytest.raises(UserError, match="KeyError: 'abacus'") as error:
        pipeline.train(job, lambda _run: None)
    assert error.value.id == "interrupted"
    assert (run.folder / "trainer.log").read_text().count("KeyError") == jobs.MAX_ATTEMPTS


def test_run_without_pairs_fails_and_says_what_to_do(wiki: Collection) -> None:
    run = runs.request(collections=[wiki], by=None, enqueue=False)
    assert pipeline.advance(run.pk)
    run.refresh_from_db()
    assert (run.state, run.failure_id) == (State.FAILED, "no-pairs")
    assert "synthesize" in run.failure_reason


def test_runs_that_wait_are_taken_one_after_another(wiki: Collection) -> None:
    queued = [runs.request(collections=[wiki], by=None, enqueue=False) for _ in range(3)]
    pipeline.advance_all()
    ended = list(TrainingRun.objects.order_by("ended_at"))
    assert ended == queued
    assert {run.state for run in ended} == {State.FAILED}


def test_damaged_dataset_is_not_trained_on(run: TrainingRun) -> None:
    dataset = datasets.freeze(collections=list(run.collections.all())).dataset
    (dataset.folder / "train.jsonl").write_text("")
    TrainingRun.objects.filter(pk=run.pk).update(dataset=dataset)
    assert pipeline.advance(run.pk)
    run.refresh_from_db()
    assert run.failure_id == "dataset-damaged"


def test_run_without_room_is_told_so_and_has_no_half_of_its_settings(
    run: TrainingRun, settings: Settings
) -> None:
    with small_disk(Path(settings.RUNS_DIR), megabytes=1):
        fill(Path(settings.RUNS_DIR))
        assert pipeline.advance(run.pk)
        assert not (run.folder / CONFIG).exists()
    run.refresh_from_db()
    assert (run.state, run.failure_id) == (State.FAILED, "disk-full")
    assert "A run needs" in run.failure_reason
