"""A run is held by one worker at a time, on a device of its own; whoever lost it writes nothing."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from ingestion.leases import LeaseLost
from ingestion.models import Collection
from training import jobs, runs
from training.jobs import Cancelled, Claim, Halted
from training.models import TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

State = TrainingRun.State


@pytest.fixture
def run(wiki: Collection) -> TrainingRun:
    return requested(wiki)


def requested(collection: Collection) -> TrainingRun:
    return runs.request(collections=[collection], by=None, enqueue=False)


def claimed(run: TrainingRun, *devices: str) -> Claim:
    job = jobs.claim(run.pk, devices or ["cpu"])
    assert job is not None
    return job


def expire_lease(run: TrainingRun) -> None:
    past = timezone.now() - timedelta(seconds=1)
    TrainingRun.objects.filter(pk=run.pk).update(lease_until=past)


def waiting() -> list[int]:
    return [run.number for run in jobs.unattended()]


def test_only_one_worker_gets_the_claim(run: TrainingRun) -> None:
    job = claimed(run)
    assert (job.run.state, job.run.device) == (State.PREPARING, "cpu")
    assert job.run.started_at is not None
    assert jobs.claim(run.pk, ["cpu", "cuda:0"]) is None


def test_device_has_one_run_and_the_next_takes_another_or_waits(wiki: Collection) -> None:
    first, second, third = (requested(wiki) for _ in range(3))
    claimed(first, "cuda:0", "cuda:1")
    assert claimed(second, "cuda:0", "cuda:1").run.device == "cuda:1"
    assert jobs.claim(third.pk, ["cuda:0", "cuda:1"]) is None
    third.refresh_from_db()
    assert (third.state, third.attempts, third.fence) == (State.QUEUED, 0, 0)


def test_device_is_free_when_its_run_has_ended(wiki: Collection) -> None:
    first, second = requested(wiki), requested(wiki)
    job = claimed(first)
    assert jobs.claim(second.pk, ["cpu"]) is None
    jobs.fail(job, "memory", "Too little memory.")
    claimed(second)


def test_queue_keeps_its_order_and_what_was_under_way_comes_first(wiki: Collection) -> None:
    queued = [requested(wiki) for _ in range(3)]
    assert waiting() == [1, 2, 3]
    claimed(queued[2])
    assert waiting() == [1, 2]
    expire_lease(queued[2])
    assert waiting() == [3, 1, 2]


def test_worker_that_lost_its_lease_can_write_nothing(run: TrainingRun) -> None:
    lost = claimed(run)
    expire_lease(run)
    holder = claimed(run)
    writes: list[Callable[[], object]] = [
        lambda: jobs.check(lost),
        lambda: jobs.enter(lost, State.RUNNING),
        lambda: jobs.count_attempt(lost),
        lambda: jobs.count_anew(lost),
        lambda: jobs.put_back(lost),
        lambda: jobs.fail(lost, "memory", "Too little."),
        lambda: jobs.end(lost, State.GATED),
    ]
    for write in writes:
        with pytest.raises(LeaseLost), transaction.atomic():
            write()
    jobs.enter(holder, State.RUNNING)
    jobs.end(holder, State.REJECTED)
    run.refresh_from_db()
    assert (run.state, run.ended_at is not None) == (State.REJECTED, True)


@pytest.mark.parametrize("state", [State.RUNNING, State.EVALUATING])
def test_next_worker_goes_on_in_the_state_that_was_reached(run: TrainingRun, state: str) -> None:
    jobs.enter(claimed(run), state)
    expire_lease(run)
    assert claimed(run).run.state == state


def test_run_that_three_workers_gave_up_has_failed(run: TrainingRun) -> None:
    for _attempt in range(jobs.MAX_ATTEMPTS):
        claimed(run)
        expire_lease(run)
    assert jobs.claim(run.pk, ["cpu"]) is None
    run.refresh_from_db()
    assert (run.state, run.failure_id) == (State.FAILED, "interrupted")


def test_attempts_are_counted_anew_when_the_run_gets_further(run: TrainingRun) -> None:
    for _round in range(2 * jobs.MAX_ATTEMPTS):
        job = claimed(run)
        jobs.count_anew(job)
        expire_lease(run)
    job = claimed(run)
    assert [jobs.count_attempt(job) for _ in range(2)] == [True, False]


def test_ending_the_worker_is_no_attempt(run: TrainingRun) -> None:
    for _round in range(jobs.MAX_ATTEMPTS + 2):
        job = claimed(run)
        with jobs.lease_kept(job):
            jobs.put_back(job)


def test_leaving_frees_the_run_at_once(wiki: Collection) -> None:
    run, _other = requested(wiki), requested(wiki)
    with jobs.lease_kept(claimed(run)):
        assert waiting() == [2]
    assert waiting() == [1, 2]
    claimed(run)


def test_run_that_its_worker_left_waits_while_another_has_its_device(wiki: Collection) -> None:
    run, other = requested(wiki), requested(wiki)
    lost = claimed(run)
    jobs.enter(lost, State.RUNNING)
    assert jobs.claim(other.pk, ["cpu"]) is None
    expire_lease(run)
    job = claimed(other)
    run.refresh_from_db()
    assert (run.state, run.device) == (State.QUEUED, "")
    assert jobs.claim(run.pk, ["cpu"]) is None
    with pytest.raises(LeaseLost):
        jobs.check(lost)
    jobs.end(job, State.GATED)
    claimed(run)


def test_holder_hears_of_a_cancellation_and_of_its_own_end(run: TrainingRun) -> None:
    job = claimed(run)
    jobs.check(job)
    jobs.halt.set()
    try:
        with pytest.raises(Halted):
            jobs.check(job)
    finally:
        jobs.halt.clear()
    runs.cancel(run=run, by=None)
    with pytest.raises(Cancelled):
        jobs.check(job)


@pytest.mark.django_db(transaction=True)
def test_of_workers_that_claim_at_once_one_gets_the_run(run: TrainingRun) -> None:
    start, found = threading.Barrier(4), list[Claim | None]()

    def work() -> None:
        start.wait()
        try:
            found.append(jobs.claim(run.pk, ["cpu"]))
        finally:
            connection.close()

    in_threads(4, work)
    assert sorted(job is None for job in found) == [False, True, True, True]


@pytest.mark.django_db(transaction=True)
def test_of_runs_that_are_claimed_at_once_one_gets_the_device(wiki: Collection) -> None:
    waiting_runs = [requested(wiki) for _ in range(4)]
    start, found = threading.Barrier(4), list[Claim | None]()

    def work() -> None:
        start.wait()
        try:
            found.append(jobs.claim(waiting_runs.pop().pk, ["cpu"]))
        finally:
            connection.close()

    in_threads(4, work)
    assert sorted(job is None for job in found) == [False, True, True, True]
    assert TrainingRun.objects.filter(state=State.QUEUED).count() == 3


def in_threads(count: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_database_refuses_two_runs_on_a_device(wiki: Collection) -> None:
    claimed(requested(wiki))
    second = requested(wiki)
    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingRun.objects.filter(pk=second.pk).update(state="running", device="cpu")


def test_database_refuses_a_failure_without_a_reason(run: TrainingRun) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        TrainingRun.objects.filter(pk=run.pk).update(state="failed", ended_at=timezone.now())
