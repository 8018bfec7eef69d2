"""What people do with runs: request, cancel, resume, and let through what the gate stopped."""

import json
import threading
import uuid
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from ingestion.errors import UserError
from ingestion.leases import LeaseLost
from ingestion.models import AuditEvent, Collection
from router.models import ModelVersion
from tests.people import People
from training import jobs, runs
from training.models import TrainingRun
from training.trainers.config import CONFIG, RunConfig
from training.trainers.events import RESULT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

State = TrainingRun.State
ENDED = (State.GATED, State.REJECTED, State.FAILED, State.CANCELLED, State.PROMOTED)


@pytest.fixture
def run(wiki: Collection) -> TrainingRun:
    return runs.request(collections=[wiki], by=None, enqueue=False)


def in_state(run: TrainingRun, state: str) -> TrainingRun:
    reason = {"failure_id": "memory", "failure_reason": "Too little."} if state == "failed" else {}
    TrainingRun.objects.filter(pk=run.pk).update(state=state, ended_at=timezone.now(), **reason)
    run.refresh_from_db()
    return run


def with_checkpoint(run: TrainingRun) -> TrainingRun:
    place = run.folder / "checkpoints" / "000040"
    place.mkdir(parents=True)
    (place / "manifest.json").write_text("{}")
    return run


def refused(error: pytest.ExceptionInfo[UserError]) -> str:
    return error.value.id


def test_request_queues_a_run_and_pokes_a_worker(
    wiki: Collection,
    people: People,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks() as messages:
        run = runs.request(
            collections=[wiki],
            by=people.admin,
            max_minutes=3,
            promote_when_passed=True,
            reason="why",
        )
    assert len(messages) == 1
    assert (run.state, run.number, run.max_minutes, run.mode) == (State.QUEUED, 1, 3, "full")
    assert (list(run.collections.all()), run.requested_by) == ([wiki], people.admin)
    event = AuditEvent.objects.get()
    assert (event.actor, event.verb, event.detail) == (people.admin, "requested", "run 1 why")


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"collections": []}, "no-collections"),
        ({"mode": "sideways"}, "bad-mode"),
        ({"max_minutes": 0}, "bad-minutes"),
        ({"max_minutes": 100_000}, "bad-minutes"),
        ({"max_minutes": float("nan")}, "bad-minutes"),
    ],
)
def test_impossible_request_is_refused(
    wiki: Collection, wrong: dict[str, object], refusal: str
) -> None:
    values = {"collections": [wiki], "by": None, "enqueue": False} | wrong
    with pytest.raises(UserError) as error:
        runs.request(**values)  # type: ignore[arg-type]
    assert refused(error) == refusal
    assert not TrainingRun.objects.exists()


def test_collection_that_must_not_be_taught_is_refused_alone(
    wiki: Collection, vault: Collection
) -> None:
    Collection.objects.filter(pk=vault.pk).update(trainable=False)
    vault.refresh_from_db()
    with pytest.raises(UserError) as error:
        runs.request(collections=[vault], by=None, enqueue=False)
    assert refused(error) == "not-trainable"
    runs.request(collections=[wiki, vault], by=None, enqueue=False)


def test_unknown_trainer_is_refused(wiki: Collection, settings: Settings) -> None:
    settings.TRAINER = "axolotl"
    with pytest.raises(UserError) as error:
        runs.request(collections=[wiki], by=None, enqueue=False)
    assert refused(error) == "bad-trainer"


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_get_numbers_of_their_own(wiki: Collection) -> None:
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        try:
            runs.request(collections=[wiki], by=None, enqueue=False)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(TrainingRun.objects.values_list("number", flat=True)) == [1, 2, 3]


def test_form_that_is_sent_again_starts_no_other_run(wiki: Collection, people: People) -> None:
    form = uuid.uuid4()
    first = runs.request(collections=[wiki], by=people.admin, form=form, enqueue=False)
    with pytest.raises(runs.AlreadyRequested, match="started run 1 before") as error:
        runs.request(collections=[wiki], by=people.admin, form=form, enqueue=False)
    assert error.value.run == first
    assert AuditEvent.objects.count() == 1
    other = runs.request(collections=[wiki], by=people.admin, form=uuid.uuid4(), enqueue=False)
    assert list(TrainingRun.objects.all()) == [other, first]


@pytest.mark.django_db(transaction=True)
def test_form_that_is_sent_twice_at_once_starts_one_run(wiki: Collection) -> None:
    form, start, told = uuid.uuid4(), threading.Barrier(4), list[TrainingRun]()

    def work() -> None:
        start.wait()
        try:
            told.append(runs.request(collections=[wiki], by=None, form=form, enqueue=False))
        except runs.AlreadyRequested as error:
            told.append(error.run)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [TrainingRun.objects.get()] * 4


# --- Cancel ---------------------------------------------------------------------------------------


def test_queued_run_is_cancelled_at_once(run: TrainingRun, people: People) -> None:
    runs.cancel(run=run, by=people.admin)
    run.refresh_from_db()
    assert run.state == State.CANCELLED
    assert jobs.claim(run.pk, ["cpu"]) is None
    assert AuditEvent.objects.filter(verb="cancelled", actor=people.admin).exists()


@pytest.mark.parametrize("state", TrainingRun.ACTIVE)
def test_run_in_hand_is_asked_to_end(run: TrainingRun, state: str) -> None:
    job = jobs.claim(run.pk, ["cpu"])
    assert job is not None
    jobs.enter(job, state)
    runs.cancel(run=run, by=None)
    run.refresh_from_db()
    assert (run.state, run.cancel_requested_at is not None) == (state, True)
    with pytest.raises(jobs.Cancelled):
        jobs.check(job)


@pytest.mark.parametrize("state", TrainingRun.ACTIVE)
def test_run_that_its_worker_left_is_cancelled_at_once(run: TrainingRun, state: str) -> None:
    job = jobs.claim(run.pk, ["cpu"])
    assert job is not None
    with jobs.lease_kept(job):
        jobs.enter(job, state)
    runs.cancel(run=run, by=None)
    run.refresh_from_db()
    assert run.state == State.CANCELLED
    with pytest.raises(LeaseLost):
        jobs.enter(job, State.EVALUATING)


@pytest.mark.parametrize("state", ENDED)
def test_run_that_has_ended_cannot_be_cancelled(run: TrainingRun, state: str) -> None:
    with pytest.raises(UserError) as error:
        runs.cancel(run=in_state(run, state), by=None)
    assert refused(error) == "not-running"


# --- Resume ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_stopped_run_goes_on_from_its_checkpoint(run: TrainingRun, state: str) -> None:
    runs.resume(run=with_checkpoint(in_state(run, state)), by=None, enqueue=False)
    run.refresh_from_db()
    assert (run.state, run.failure_id, run.attempts) == (State.QUEUED, "", 0)
    assert jobs.claim(run.pk, ["cpu"]) is not None


def test_run_that_failed_after_its_training_can_be_resumed(run: TrainingRun) -> None:
    run.folder.mkdir()
    (run.folder / RESULT).write_text(json.dumps({}))
    runs.resume(run=in_state(run, State.FAILED), by=None, enqueue=False)
    run.refresh_from_db()
    assert run.state == State.QUEUED
    assert jobs.claim(run.pk, ["cpu"]) is not None


def test_run_without_a_checkpoint_cannot_be_resumed(run: TrainingRun) -> None:
    with pytest.raises(UserError) as error:
        runs.resume(run=in_state(run, State.FAILED), by=None)
    assert refused(error) == "nothing-to-resume"


@pytest.mark.parametrize("failure", ["base-changed", "mixed-readers", "bad-adapter"])
def test_run_that_would_fail_for_the_same_again_cannot_be_resumed(
    run: TrainingRun, failure: str
) -> None:
    run = with_checkpoint(in_state(run, State.FAILED))
    assert runs.can_resume(run)
    TrainingRun.objects.filter(pk=run.pk).update(failure_id=failure)
    run.refresh_from_db()
    assert not runs.can_resume(run)
    with pytest.raises(UserError) as error:
        runs.resume(run=run, by=None)
    assert refused(error) == "fails-again"
    assert TrainingRun.objects.get().state == State.FAILED


def test_run_whose_base_was_away_can_be_resumed_once_it_is_back(
    run: TrainingRun, tiny_llama: Path, tmp_path: Path
) -> None:
    run = with_checkpoint(in_state(run, State.FAILED))
    run.failure_id, base = "base-missing", tmp_path / "base"
    RunConfig("peft", str(base), data="", out="").write(run.folder / CONFIG)
    assert not runs.can_resume(run)
    base.symlink_to(tiny_llama)
    assert runs.can_resume(run)


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.GATED, State.PROMOTED])
def test_only_a_stopped_run_can_be_resumed(run: TrainingRun, state: str) -> None:
    with pytest.raises(UserError) as error:
        runs.resume(run=with_checkpoint(in_state(run, state)), by=None)
    assert refused(error) == "not-stopped"


# --- Override -------------------------------------------------------------------------------------


@pytest.fixture
def rejected(run: TrainingRun) -> TrainingRun:
    run.model = ModelVersion.objects.create(number=1, name="docs-v0001", gate_passed=False)
    run.save()
    return in_state(run, State.REJECTED)


def test_override_keeps_who_and_why(rejected: TrainingRun, people: People) -> None:
    runs.override(run=rejected, by=people.admin, reason=" The new prices matter more. ")
    rejected.refresh_from_db()
    assert (rejected.state, rejected.override_by) == (State.GATED, people.admin)
    assert rejected.override_reason == "The new prices matter more."
    assert "new prices" in AuditEvent.objects.latest("pk").detail


def test_override_needs_a_reason(rejected: TrainingRun) -> None:
    with pytest.raises(UserError) as error:
        runs.override(run=rejected, by=None, reason="  ")
    assert refused(error) == "no-reason"


@pytest.mark.parametrize("state", [State.QUEUED, State.FAILED, State.GATED])
def test_only_what_the_gate_stopped_is_let_through(run: TrainingRun, state: str) -> None:
    with pytest.raises(UserError) as error:
        runs.override(run=in_state(run, state), by=None, reason="Because.")
    assert refused(error) == "not-rejected"
