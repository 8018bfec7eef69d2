"""A run's trainer or worker is killed at each part of it; a promotion is killed in the middle."""

from collections.abc import Callable
from pathlib import Path

import pytest

from docportal.integrity_checks import check
from ingestion.models import AuditEvent, Collection
from router.models import ModelVersion
from tests.drill.faults import Fault
from tests.drill.portal import Portal, seen
from tests.drill.table import Drill
from tests.model_files import Workshop, a_base
from tests.training.datasets.pairs import NAMES, teach
from tests.waiting import LONGEST, until
from training import runs
from training.models import TrainingRun
from training.trainers.events import read_events

pytestmark = [pytest.mark.models, pytest.mark.timeout(5400)]

TRAINER, WORKER = "training.trainers", "--queues training"
# A run takes a minute, and several where others use the machine.
A_RUN = 4 * LONGEST
Kill = Callable[[Portal, TrainingRun], float]


@pytest.fixture(scope="module")
def harbour(victim: Portal) -> Collection:
    found = Collection.objects.create(slug="harbour", name="Harbour")
    teach(found, *NAMES)
    # They were published without their vectors.
    assert check(repair=True).is_clean
    return found


def events(run: TrainingRun, kind: str) -> int:
    return sum(event["event"] == kind for event in read_events(run.folder, 0)[0])


def at_a_step(process: str) -> Kill:
    def kill(victim: Portal, run: TrainingRun) -> float:
        until(lambda: events(run, "step"), within=A_RUN)
        return victim.kill(process)

    return kill


def at_a_checkpoint(victim: Portal, run: TrainingRun) -> float:
    """While it is being written, or just after."""
    until(lambda: any((run.folder / "checkpoints").glob("*")), within=A_RUN)
    return victim.kill(TRAINER)


def in_state(state: str) -> Kill:
    def kill(victim: Portal, run: TrainingRun) -> float:
        until(TrainingRun.objects.filter(pk=run.pk, state=state).exists, within=A_RUN)
        return victim.kill(WORKER)

    return kill


def at_its_registration(victim: Portal, run: TrainingRun) -> float:
    return victim.struck(within=A_RUN).at


KILLS: dict[str, Kill] = {
    "Training worker killed while it prepares a run": in_state("preparing"),
    "Trainer killed at a step": at_a_step(TRAINER),
    "Training worker killed at a step": at_a_step(WORKER),
    "Trainer killed at a checkpoint": at_a_checkpoint,
    "Training worker killed while it evaluates": in_state("evaluating"),
    "Training worker killed while it registers a model": at_its_registration,
}


@pytest.mark.parametrize("kind", KILLS)
def test_run_goes_on(
    victim: Portal, harbour: Collection, drill: Drill, kind: str, nth: int
) -> None:
    """It recovers when somebody works on it again; then it has to come to its end."""
    victim.workers_live()
    # A kind before this one may have failed with its run still on its way.
    before = TrainingRun.objects.filter(state__in=TrainingRun.UNFINISHED)
    until(lambda: seen(lambda: not before.exists()), within=A_RUN)
    if KILLS[kind] is at_its_registration:
        victim.arm(Fault(WORKER, [r"os.rename .*tuned"]))
    run = runs.request(collections=[harbour], by=None, enqueue=False)
    at = KILLS[kind](victim, run)
    fence = TrainingRun.objects.get(pk=run.pk).fence
    starts = events(run, "started")

    def is_worked_on() -> bool:
        taken = TrainingRun.objects.filter(pk=run.pk, fence__gt=fence).exists()
        return taken or events(run, "started") > starts

    with drill(kind, since=at) as breakage:
        until(lambda: seen(is_worked_on))
        breakage.recovered()
        ended = TrainingRun.objects.filter(pk=run.pk).exclude(state__in=TrainingRun.UNFINISHED)
        until(lambda: seen(ended.exists), within=A_RUN)
        run.refresh_from_db()
        if run.failure_reason or run.model is None:
            breakage.lost.append(f"{run}: {run.state} {run.failure_reason}")
        steps = list(run.points.values_list("step", flat=True))
        if steps != list(range(1, run.step + 1)):
            breakage.lost.append(f"points of {run}: {steps}")
        breakage.doubled += more_than_one(run)
        breakage.lost += victim.lost([])
        breakage.doubled += victim.doubled([])


def more_than_one(run: TrainingRun) -> list[str]:
    # The recipe names the run.
    known = [run.model.recipe] if run.model else []
    models = [one for one in ModelVersion.objects.all() if one.recipe in known]
    systems = list(run.evaluations.values_list("system", flat=True))
    twice = [f"evaluation of {system}" for system in {*systems} if systems.count(system) > 1]
    return twice + [f"model {one}" for one in models[1:]]


@pytest.fixture(scope="module")
def quay(victim: Portal) -> Collection:
    """What small models are made of is there as well."""
    a_base(victim.home / "models" / "base")
    return Collection.objects.create(slug="quay", name="Quay")


def test_promotion_is_killed(
    victim: Portal, quay: Collection, drill: Drill, tmp_path: Path, nth: int
) -> None:
    """It is run again, and happened once."""
    model = Workshop(tmp_path / "workshop").candidate(merged=None, readers={quay.pk: ()})
    victim.arm(Fault("promote", [r'sql UPDATE "router_modelversion" SET "stage"']))
    assert victim.manage("promote", model.name, "--reason", "A drill").returncode < 0
    with drill("Promotion killed", since=victim.struck().at) as breakage:
        again = victim.manage("promote", model.name, "--reason", "A drill")
        assert again.returncode == 0, again.stderr
        until(victim.answers)
        breakage.recovered()
        serving = ModelVersion.objects.filter(stage="serving", audience=model.audience)
        if list(serving) != [model]:
            breakage.lost.append(f"{model} does not serve")
        told = AuditEvent.objects.filter(verb="promoted", detail__startswith=model.name).count()
        breakage.doubled += [f"promotion of {model}"] * (told - 1)
        breakage.lost += victim.lost([])
        breakage.doubled += victim.doubled([])
